export type Area = Pick<Storage, "getItem" | "setItem" | "removeItem">;

/** This browser's storage, or memory where it is not wanted or not allowed. */
export function openStorage(kind: "local" | "session" | "memory"): Area {
  // A browser that forbids storage throws on access, and one without room throws on writing.
  try {
    if (kind !== "memory") {
      const area = kind === "local" ? localStorage : sessionStorage;
      area.setItem("__fh", "");
      area.removeItem("__fh");
      return area;
    }
  } catch {}
  const kept = new Map<string, string>();
  return {
    getItem: (name) => kept.get(name) ?? null,
    setItem: (name, text) => void kept.set(name, text),
    removeItem: (name) => void kept.delete(name),
  };
}
