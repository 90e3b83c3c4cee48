// Plays a strip sentence by sentence while later sentences are still being made, and shows where.
(() => {
  let audio = null, track = null, seen = "", run = "";
  let sounds = [], whole = "", index = 0, onWhole = false, waiting = false;

  const offset = () => (onWhole || !sounds[index] ? 0 : sounds[index][1]);
  const now = () => offset() + audio.currentTime;
  const play = () => audio.play().catch(() => {});

  function load(source, seconds, playing) {
    audio.src = source;
    if (seconds) audio.addEventListener("loadedmetadata", () => { audio.currentTime = seconds; }, { once: true });
    if (playing) play();
  }

  function toWhole(seconds, playing) {
    onWhole = true;
    load(whole, seconds, playing);
  }

  function ended() {
    if (onWhole) return;
    const next = sounds[index + 1];
    if (whole) toWhole(next ? next[1] : 0, Boolean(next));
    else if (next) { index += 1; load(next[0], 0, true); }
    else waiting = true;
  }

  function received(found) {
    const fresh = found.dataset.run !== run;
    sounds = JSON.parse(found.dataset.sounds);
    whole = found.dataset.whole;
    if (fresh) {
      run = found.dataset.run;
      index = 0;
      onWhole = waiting = false;
      if (sounds.length === 1 && whole) toWhole(0, true);
      else load(sounds[0][0], 0, true);
    } else if (waiting) {
      waiting = false;
      ended();
    } else if (whole && !onWhole && audio.paused) {
      toWhole(now(), false);
    }
    show(true);
  }

  function show(jump) {
    if (!track || !track.isConnected) return;
    const time = now(), total = Number(track.dataset.seconds);
    const scroll = track.querySelector(".st-scroll"), head = track.querySelector(".st-head");
    const width = track.querySelector(".st-strip").offsetWidth, x = (width * Math.min(time, total)) / total;
    head.style.left = `${x}px`;
    track.classList.toggle("st-playing", time > 0);
    for (const label of track.querySelectorAll("[data-s]")) {
      const on = !audio.ended && time > 0 && time >= Number(label.dataset.s) && time < Number(label.dataset.e);
      label.classList.toggle("st-now", on);
    }
    const left = scroll.scrollLeft, view = scroll.clientWidth;
    if (!audio.paused || jump) {
      if (x < left || x > left + 0.8 * view) scroll.scrollLeft = x - 0.2 * view;
    }
  }

  function frame() {
    show(false);
    if (audio && !audio.paused) requestAnimationFrame(frame);
  }

  function seek(seconds) {
    if (onWhole) audio.currentTime = seconds;
    else if (whole) toWhole(seconds, true);
    play();
  }

  function adopt(found) {
    audio = found;
    audio.addEventListener("timeupdate", () => show(false));
    audio.addEventListener("seeked", () => show(true));
    audio.addEventListener("play", () => requestAnimationFrame(frame));
    audio.addEventListener("ended", ended);
  }

  function look() {
    const player = document.querySelector("#st-audio"), found = document.querySelector(".st-track");
    if (player && player !== audio) adopt(player);
    if (!audio || !found) return;
    track = found;
    // Elements may be replaced, or changed in place.
    const now = found.dataset.run + found.dataset.sounds + found.dataset.whole;
    if (now !== seen) { seen = now; received(found); }
  }

  // The walk: the slider changes pictures and sound, and keeps the place in the sound.
  document.addEventListener("input", (event) => {
    const walk = event.target.closest?.(".st-walk");
    if (!walk) return;
    const stops = JSON.parse(walk.dataset.stops), stop = stops[Number(event.target.value)];
    const name = stop.t === 0 ? ", noise" : stop.t === 1 ? ", speech" : "", text = `t = ${Number(stop.t.toFixed(3))}${name}`;
    walk.querySelector("output").textContent = text;
    event.target.setAttribute("aria-valuetext", text);
    for (const image of walk.querySelectorAll("img")) image.src = stop[image.dataset.name];
    const sound = walk.querySelector("audio"), playing = !sound.paused && !sound.ended, place = sound.currentTime;
    sound.src = stop.sound;
    if (playing) {
      sound.addEventListener("loadedmetadata", () => { sound.currentTime = place; sound.play().catch(() => {}); }, { once: true });
    }
  });

  document.addEventListener("click", (event) => {
    const label = event.target.closest?.(".st-track [data-s]");
    if (label && audio) seek(Number(label.dataset.s));
  });
  new MutationObserver(look).observe(document.documentElement, {
    childList: true, subtree: true, attributeFilter: ["data-run", "data-sounds", "data-whole"],
  });
})();
