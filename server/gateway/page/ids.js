// Ids are decimal texts, and larger than a number can tell apart. They rise with time.

/** Whether one id was made after another. */
export function isNewer(one, other) {
  return one.length === other.length ? one > other : one.length > other.length;
}

/** Order of ids for `sort`, the newest first. */
export function newestFirst(one, other) {
  if (one === other) return 0;
  return isNewer(one, other) ? -1 : 1;
}
