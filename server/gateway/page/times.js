// Times as people say them.

const MINUTE_S = 60;
const HOUR_S = 3600;
const DAY_S = 86400;

const clock = new Intl.DateTimeFormat(undefined, { dateStyle: "long", timeStyle: "short" });
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const dayOfYear = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });

/** How long ago that was, in a few letters. */
function ago(at, now = new Date()) {
  const passedS = (now - at) / 1000;
  if (passedS < 45) return "now";
  if (passedS < HOUR_S) return `${Math.max(Math.round(passedS / MINUTE_S), 1)} min`;
  if (passedS < DAY_S) return `${Math.floor(passedS / HOUR_S)} h`;
  if (passedS < 7 * DAY_S) return `${Math.floor(passedS / DAY_S)} d`;
  return at.getFullYear() === now.getFullYear() ? day.format(at) : dayOfYear.format(at);
}

/** Let a time element tell a time; `refreshTimes` keeps it true. */
export function tellTime(time, createdAt) {
  const at = new Date(createdAt);
  time.dateTime = createdAt;
  time.title = clock.format(at);
  time.textContent = ago(at);
}

/** Tell all times of the page anew. */
export function refreshTimes() {
  for (const time of document.querySelectorAll("time[datetime]")) {
    const text = ago(new Date(time.dateTime));
    if (time.textContent !== text) time.textContent = text;
  }
}
