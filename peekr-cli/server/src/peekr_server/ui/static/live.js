// Looking for news, again and again: often while something runs, seldom while nothing does, never in a hidden tab.

const RUNNING_MS = 1200;
const IDLE_MS = 2500;
const SHARE = 12; // an idle look takes at most one part in so many of the server's time
const LONGEST_MS = 30000;

/**
 * Repeat a look for news until it says that it is over.
 * @param {() => Promise<"running" | "idle" | "over">} look what it finds says when the next look is due
 * @returns {{wake: () => void}} `wake` looks again soon, also after it was over
 */
export function repeat(look) {
  let timer = 0, busy = false, again = false, over = false, failures = 0;

  async function turn() {
    if (busy) return void (again = true);
    if (document.hidden) return; // visibilitychange wakes it
    busy = true;
    const began = performance.now();
    let found = "idle";
    try {
      found = await look();
      failures = 0;
    } catch (_) {
      failures += 1;
    }
    busy = false;
    over = found === "over" && !again;
    const took = performance.now() - began;
    const due = failures ? Math.min(1000 * 2 ** Math.min(failures, 4), 15000)
      : found === "running" ? Math.max(RUNNING_MS - took, 200) : Math.min(Math.max(IDLE_MS, took * SHARE), LONGEST_MS);
    if (!over) timer = setTimeout(turn, again ? 0 : due);
    again = false;
  }

  function wake(after = 0) {
    over = false;
    clearTimeout(timer);
    timer = setTimeout(turn, after);
  }

  document.addEventListener("visibilitychange", () => !document.hidden && !over && wake());
  addEventListener("online", () => !over && wake());
  return { wake };
}
