// Copies blocks and counts down. Pages work without it.
"use strict";

const copy = async (source) => {
  try {
    await navigator.clipboard.writeText(source.value);
    return true;
  } catch {
    // Older browsers, and addresses that browsers do not call secure.
    source.select();
    return document.execCommand("copy");
  }
};

for (const button of document.querySelectorAll("button[data-copies]")) {
  const source = document.getElementById(button.dataset.copies);
  const status = document.getElementById("copy-status");
  const text = button.textContent;
  let calm;
  button.hidden = false;
  button.addEventListener("click", async () => {
    const copied = await copy(source);
    button.textContent = copied ? "Copied" : "Select and copy";
    status.textContent = copied ? button.dataset.copied : "The browser refused. Select the text and copy it.";
    if (!copied) source.select();
    clearTimeout(calm);
    calm = setTimeout(() => {
      button.textContent = text;
      status.textContent = "";
    }, 2500);
  });
}

const left = document.getElementById("time-left");
if (left) {
  const ends = Date.now() + Number(left.dataset.secondsLeft) * 1000;
  const tick = () => {
    const seconds = Math.max(0, Math.round((ends - Date.now()) / 1000));
    const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
    const two = (number) => String(number).padStart(2, "0");
    left.textContent = seconds === 0 ? "none, they have expired"
      : (hours ? `${hours} h ${two(minutes)} min` : `${minutes} min`) + ` ${two(seconds % 60)} s`;
    if (seconds === 0) clearInterval(timer);
  };
  const timer = setInterval(tick, 1000);
  tick();
}
