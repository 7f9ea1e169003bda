/** The recording core: it turns calls of the page, and what happens in it, into events in Segment's format. */

import type { Options, Properties } from "./api";
import { describe, meantBy } from "./elements";
import { uuid7 } from "./ids";
import { arrival, currentPage } from "./page";
import { masked } from "./masks";
import type { Caught, Core, Moment, PartName, Parts } from "./parts";
import { State } from "./state";
import { Transport, type Log } from "./transport";
import { followViews } from "./views";

const MOST_HELD = 50;
const LONGEST_MESSAGE = 1000;

type Fields = Record<string, unknown>;

export const VERSION = "0.1.0";

/** A number that differs for different values, so that facts about a person need not be kept on the device. */
const digest = (value: unknown): number =>
  [...JSON.stringify(value)].reduce((sum, each) => (Math.imul(sum, 31) + each.codePointAt(0)!) | 0, 0);

export class Client implements Core {
  readonly host: string;
  readonly debug: Log;
  #state: State;
  #transport: Transport;
  #parts: Parts;
  #token = "";
  #held: Record<string, () => void> = {};
  #leaving: (() => void)[] = [];
  #started: { [Name in PartName]?: Promise<object> } = {};
  #waiting: Record<PartName, [method: string, ...given: unknown[]][]> = { watch: [], form: [] };
  #isStarted = false;

  constructor(
    readonly key: string,
    readonly options: Options,
    parts: Parts,
  ) {
    this.host = new URL(options.host.replace(/\/*$/, "/"), location.href).href;
    this.debug = (...words) => options.debug && console.warn("[firsthand]", ...words);
    this.#parts = parts;
    this.#state = new State(key, options.storage !== "memory");
    this.#transport = new Transport(this.host, this.#envelope, options.debug ? this.debug : undefined);
    this.#listen();
    // A page that is only prepared may never be seen.
    if ((document as { prerendering?: boolean }).prerendering)
      this.listen(document, "prerenderingchange", () => this.#start());
    else this.#start();
  }

  /** Listen without ever throwing into the page. */
  listen<E extends Event>(target: EventTarget, type: string, work: (event: E) => void): void {
    const guarded = (event: Event): void => this.guard(() => work(event as E));
    target.addEventListener(type, guarded, { capture: true, passive: true });
  }

  guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.debug(error);
    }
  }

  #envelope = (): Fields => ({
    writeKey: this.key,
    sentAt: new Date(),
    context: {
      library: { name: "firsthand", version: VERSION },
      locale: navigator.language,
      timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      screen: { width: screen.width, height: screen.height, innerWidth, innerHeight, density: devicePixelRatio },
    },
  });

  get #isAllowed(): boolean {
    const { consent } = this.#state.read();
    if (consent) return consent === "in";
    const isRefused =
      (navigator as { globalPrivacyControl?: boolean }).globalPrivacyControl || navigator.doNotTrack === "1";
    return !isRefused && this.options.consent !== "required";
  }

  #listen(): void {
    const { autocapture = true, errors = true, pageviews = true } = this.options;
    if (errors) {
      this.listen(window, "error", (event: ErrorEvent) => event.message && this.#caught(event));
      this.listen(window, "unhandledrejection", (event: PromiseRejectionEvent) => this.#caught(event));
    }
    if (autocapture) {
      this.listen(document, "click", (event: MouseEvent) => event.isTrusted && this.#pressed(event));
      this.listen(document, "submit", (event) => this.#pressed(event));
    }
    if (pageviews) followViews(this, () => this.#isStarted && this.page());
    this.listen(window, "pagehide", () => {
      this.#leave();
      this.#transport.leave();
    });
    this.listen(document, "visibilitychange", () => {
      if (!document.hidden) return;
      this.#leave();
      void this.#transport.flush(true);
    });
    this.listen(window, "online", () => void this.#transport.flush());
  }

  #start(): void {
    if (!this.#isAllowed) return;
    this.#isStarted = true;
    for (const call of Object.values(this.#held)) call();
    this.#held = {};
    if (this.options.pageviews ?? true) this.page();
    const load = (): void => {
      const idle = window.requestIdleCallback ?? setTimeout;
      idle(() => void this.tell("watch", "begin"));
    };
    if (document.readyState === "complete") load();
    else this.listen(window, "load", load);
  }

  /** Call a method of a part, which is loaded for the first call. */
  async tell(name: PartName, ...call: [method: string, ...given: unknown[]]): Promise<void> {
    const waiting = this.#waiting[name];
    if (waiting.length < MOST_HELD) waiting.push(call);
    try {
      const part = await (this.#started[name] ??= this.#parts[name]!().then(({ start }) => start(this)));
      for (const [method, ...given] of waiting.splice(0))
        (part as Record<string, (...given: unknown[]) => void>)[method]!(...given);
    } catch (error) {
      // A person who presses "Feedback" once more gets another try. Without the other part, recording goes on.
      if (name === "form") delete this.#started[name];
      this.debug(error);
    }
  }

  #leave(): void {
    for (const work of this.#leaving) this.guard(work);
    // The page goes before the part that reads stacks has come.
    for (const [method, found, moment] of this.#waiting.watch.splice(0)) {
      if (method !== "caught") continue;
      const { error, reason, message } = found as Caught;
      const thrown = error ?? reason ?? message;
      const { name: type = "Error", message: text = thrown } = Object(thrown) as Error;
      const value = masked(`${text}`.slice(0, LONGEST_MESSAGE));
      const properties = { $exception_type: type, $exception_message: value, $exception_list: [{ type, value }] };
      this.observe("$exception", properties, moment as Moment);
    }
  }

  #caught(found: Caught): void {
    if (this.#isAllowed) void this.tell("watch", "caught", found, { timestamp: new Date(), page: currentPage() });
  }

  #pressed(event: Event): void {
    const element = this.#isAllowed && meantBy(event);
    if (!element) return;
    const properties = describe(event, element);
    this.#record({ type: "track", event: "$autocapture", properties });
    if (event.type === "click") void this.tell("watch", "pressed", event, element, properties);
  }

  #record(call: Fields, isActing = true, token = "", { timestamp = new Date(), page = currentPage() }: Moment = {}): void {
    if (!this.#isAllowed) return;
    let { anonymousId, userId, groupId } = this.#state.read();
    const properties = { ...(call.properties as Properties) };
    if (!anonymousId) {
      this.#state.change({ anonymousId: (anonymousId = uuid7()) });
      if (call.type === "page") properties.$set_once = { ...arrival(), ...(properties.$set_once as Properties) };
    }
    this.#transport.add(
      {
        messageId: uuid7(),
        timestamp,
        anonymousId,
        userId,
        ...call,
        properties,
        context: { page, sessionId: this.#state.session(isActing), groupId },
      },
      token,
    );
  }

  /** Record what is said about somebody, once a session. */
  #say(call: Fields, token = ""): void {
    const type = call.type as string;
    const session = this.#state.session(true);
    const said = this.#state.read().said ?? {};
    const now = digest([call, session, !!token]);
    if (said[type] === now) return;
    this.#state.change({ said: { ...said, [type]: now } });
    this.#record(call, true, token);
  }

  identity(): { anonymousId: string; userId: string | undefined; token: string } {
    const { anonymousId = uuid7(), userId } = this.#state.read();
    this.#state.change({ anonymousId });
    return { anonymousId, userId, token: this.#token };
  }

  observe(event: string, properties: Properties, moment?: Moment): void {
    this.#record({ type: "track", event, properties }, false, "", moment);
  }

  beforeLeaving(work: () => void): void {
    this.#leaving.push(work);
  }

  identify(id: string, traits: Properties = {}, { token = "" }: { token?: string } = {}): void {
    const userId = `${id ?? ""}`.trim();
    if (!userId) return this.debug("identify() needs an id");
    this.#token = token;
    if (!this.#isAllowed) return void (this.#held.identify = () => this.identify(id, traits, { token }));
    const { userId: before } = this.#state.read();
    // Another person on the same device: what the first did here is not theirs.
    if (before && before !== userId) this.#forget();
    this.#state.change({ userId });
    this.#say({ type: "identify", userId, traits }, token);
  }

  track(event: string, properties?: Properties): void {
    if (!event) return this.debug("track() needs a name");
    this.#record({ type: "track", event: `${event}`, properties });
  }

  page(properties?: Properties): void {
    this.#record({ type: "page", properties });
  }

  group(id: string, traits: Properties = {}): void {
    if (!id) return this.debug("group() needs an id");
    if (!this.#isAllowed) return void (this.#held.group = () => this.group(id, traits));
    this.#state.change({ groupId: `${id}` });
    this.#say({ type: "group", groupId: `${id}`, traits });
  }

  alias(id: string): void {
    const { userId, anonymousId } = this.#state.read();
    const previousId = userId ?? anonymousId;
    this.#record({ type: "alias", userId: `${id}`, previousId }, true, this.#token);
  }

  #forget(): void {
    const { consent } = this.#state.read();
    this.#state.replace(consent ? { consent } : {});
  }

  reset(): void {
    this.#token = "";
    this.#held = {};
    this.#forget();
  }

  captureException(error: unknown): void {
    this.#caught({ type: "handled", error });
  }

  optOut(): void {
    this.#state.replace({ consent: "out" });
    this.#transport.clear();
    this.#waiting.watch = [];
  }

  optIn(): void {
    const wasAllowed = this.#isAllowed;
    this.#state.change({ consent: "in" });
    if (!wasAllowed) this.#start();
  }
}
