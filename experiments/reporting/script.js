"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("js");

  const isDark = () =>
    (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "")) ===
    "dark";
  document.getElementById("theme").addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
  });

  // A drawing's own title would come up as a second tip over everything in it.
  const tip = document.getElementById("tip");
  for (const plot of document.querySelectorAll("svg.plot")) {
    const title = plot.querySelector(":scope > title");
    plot.setAttribute("aria-label", title.textContent);
    plot.removeAttribute("aria-labelledby");
    plot.setAttribute("aria-describedby", plot.id + "-desc");
    title.remove();
    const marks = [...plot.querySelectorAll(".mark")];
    marks.forEach((mark, index) => prepare(mark, index, marks));
  }

  function prepare(mark, index, marks) {
    const title = mark.querySelector("title");
    const words = title.textContent;
    mark.setAttribute("aria-label", words);
    title.remove();
    // One stop of the Tab key a plot; arrows go on from there.
    const first = marks.find((one) => !one.matches(".anchor, .published")) || marks[0];
    mark.setAttribute("tabindex", mark === first ? "0" : "-1");
    mark.addEventListener("pointerenter", () => show(mark, words));
    mark.addEventListener("pointerleave", hide);
    mark.addEventListener("focus", () => show(mark, words));
    mark.addEventListener("blur", hide);
    mark.addEventListener("click", () => { mark.focus({ preventScroll: true }); show(mark, words); });
    mark.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (event.key === "Escape") hide();
      if (!step) return;
      event.preventDefault();
      const next = marks[(index + step + marks.length) % marks.length];
      mark.setAttribute("tabindex", "-1");
      next.setAttribute("tabindex", "0");
      next.focus();
    });
  }

  let shown = null;

  function show(mark, words) {
    shown = mark;
    tip.textContent = words;
    tip.hidden = false;
    place(mark);
  }

  function place(mark) {
    const at = mark.querySelector(".dot").getBoundingClientRect();
    const box = tip.getBoundingClientRect();
    const left = at.left + at.width / 2 - box.width / 2;
    const above = at.top - box.height - 10;
    tip.style.left = Math.max(8, Math.min(left, root.clientWidth - box.width - 8)) + "px";
    tip.style.top = (above > 50 ? above : at.bottom + 10) + "px";
  }

  function hide() { tip.hidden = true; }
  // A focus scrolls to its mark: the tip must go with it.
  addEventListener("scroll", () => {
    if (shown === document.activeElement && !tip.hidden) place(shown);
    else hide();
  }, { passive: true });

  for (const compare of document.querySelectorAll(".compare")) {
    const slider = compare.querySelector("input");
    const stack = compare.querySelector(".stack");
    const move = () => compare.style.setProperty("--at", slider.value + "%");
    slider.addEventListener("input", move);
    // A reload may bring back where the slider was.
    move();
    const drag = (event) => {
      if (event.type === "pointermove" && !event.buttons) return;
      const box = stack.getBoundingClientRect();
      slider.value = (100 * (event.clientX - box.left)) / box.width;
      move();
    };
    stack.addEventListener("pointerdown", (event) => {
      stack.setPointerCapture(event.pointerId);
      event.preventDefault();
      drag(event);
    });
    stack.addEventListener("pointermove", drag);
    for (const select of compare.querySelectorAll("select")) {
      const choose = () => {
        for (const view of compare.querySelectorAll(".view")) {
          view.classList.toggle("is-" + select.dataset.side, view.dataset.view === select.value);
        }
      };
      select.addEventListener("change", choose);
      choose();
    }
  }

  addEventListener("beforeprint", () => {
    for (const fold of document.querySelectorAll("details:not([open])")) {
      fold.dataset.folded = "";
      fold.open = true;
    }
  });
  addEventListener("afterprint", () => {
    for (const fold of document.querySelectorAll("details[data-folded]")) {
      fold.open = false;
      delete fold.dataset.folded;
    }
  });
})();
