"""Folders of images: listing them, and finding files and folders by name in any case."""

from pathlib import Path

from experiments.images.errors import ImageError

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm")


class Folder:
    """A folder's images, and its other files and subfolders by their name in lower case."""

    def __init__(self, path):
        self.path = path
        content = entries(path)
        # Archives made on a Mac bring __MACOSX, a shadow of their folders without images.
        self.folders = {p.name.lower(): p for p in content if p.is_dir() and p.name != "__MACOSX"}
        self.images = images_in(path)
        self.files = {p.name.lower(): p for p in content if not p.is_dir()}

    def first(self, names):
        """Return the first subfolder of one of these names that holds images; None if none."""
        present = (self.folders[name] for name in names if name in self.folders)
        return next((folder for folder in present if images_in(folder)), None)


def find_images(folder):
    """List the images that lie directly in a folder, sorted by name.

    An image is a file with one of `SUFFIXES`, in any case. Hidden files are left out. Raises
    `ImageError` if there is no such folder, it holds no image, or two images share a name but for
    the suffix or the case: as names in a set, or on another file system, they would be one.
    """
    folder = Path(folder)
    images = images_in(folder)
    if not images:
        content = entries(folder)
        folders = sum(path.is_dir() for path in content)
        raise ImageError(
            f"{folder}: no image ({' '.join(SUFFIXES)}) among its {len(content) - folders} files "
            f"and {folders} folders"
            if content
            else f"{folder}: an empty folder"
        )
    require_distinct(images, folder)
    return images


def images_in(folder):
    """List the images directly in a folder, sorted by name; there may be none."""
    # A dangling link or a pipe stays listed: reading it names it, leaving it out would not.
    paths = [
        path for path in entries(folder) if path.suffix.lower() in SUFFIXES and not path.is_dir()
    ]
    for path in paths:
        if not path.name.isprintable():  # neither a line break nor bytes that are no UTF-8
            raise ImageError(f"{folder}: the name {path.name!a} cannot be shown; rename it")
    return paths


def entries(folder):
    """List a folder's files and folders, sorted by name, without hidden ones."""
    folder = Path(folder)
    if not folder.exists():
        raise ImageError(f"{folder}: no such folder")
    if not folder.is_dir():
        raise ImageError(f"{folder}: a file, not a folder of images")
    try:
        paths = [path for path in folder.iterdir() if not path.name.startswith(".")]
    except OSError as error:
        raise ImageError(f"{folder}: cannot be listed: {error.strerror}") from error
    return sorted(paths, key=lambda path: path.name)


def require_distinct(images, folder):
    """Raise if the names of two images differ in suffix or case only."""
    seen = {}
    for path in images:
        other = seen.setdefault(path.stem.casefold(), path)
        if other is not path:
            raise ImageError(
                f"{folder}: {other.name} and {path.name} share one name; keep one of them"
            )
