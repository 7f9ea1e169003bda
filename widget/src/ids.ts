let last = 0;
let count = 0;

/** A UUIDv7. Those of one page sort in the order in which they were made, also within a millisecond. */
export function uuid7(): string {
  const now = Date.now();
  count = now === last ? count + 1 : 0;
  last = now;
  // Not crypto.randomUUID(), which pages without HTTPS do not have.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  for (let at = 5, time = now; at >= 0; at--, time = Math.floor(time / 256)) bytes[at] = time % 256;
  bytes[6] = 112 | ((count >> 8) & 15);
  bytes[7] = count;
  bytes[8] = (bytes[8]! & 63) | 128;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
