/** The recording core: it turns calls of the page, and what happens in it, into events in Segment's format. */

import type { Options, Properties, QueuedCall, Reply } from "./api";
import { describe, meantBy } from "./elements";
import { uuid7 } from "./ids";
import { arrival, currentPage, type Page } from "./page";
import type { Caught, Core, Form, Parts, Watch } from "./parts";
import { State } from "./state";
import { Transport, type Log } from "./transport";
import { followViews } from "./views";

const MOST_HELD = 50;
const RAGE_CLICKS = 3;
const RAGE_WITHIN = 1000; // milliseconds
const RAGE_RADIUS = 30; // pixels

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
  #errors: Caught[] = [];
  #watch: Watch | undefined;
  #form: Form | undefined;
  #forForm: QueuedCall[] = [];
  #isStarted = false;
  #clicks: [time: number, x: number, y: number][] = [];

  constructor(
    readonly key: string,
    readonly options: Options,
    parts: Parts,
  ) {
    this.host = options.host.replace(/\/*$/, "/");
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
      idle(() => void this.#loadWatch());
    };
    if (document.readyState === "complete") load();
    else this.listen(window, "load", load);
  }

  async #loadWatch(): Promise<void> {
    try {
      this.#watch ??= (await this.#parts.watch()).start(this);
    } catch (error) {
      return this.debug(error);
    }
    for (const each of this.#errors.splice(0)) this.#watch.caught(each);
  }

  #leave(): void {
    for (const work of this.#leaving) this.guard(work);
    // The page goes before the part that reads stacks has come.
    for (const { error, reason, message } of this.#errors.splice(0)) {
      const { name: type = "Error", message: value = `${error ?? reason ?? message}` } = (error ?? reason ?? {}) as Error;
      this.observe("$exception", { $exception_type: type, $exception_message: value, $exception_list: [{ type, value }] });
    }
  }

  #caught(found: Caught): void {
    if (!this.#isAllowed) return;
    if (this.#watch) this.#watch.caught(found);
    else if (this.#errors.length < MOST_HELD) this.#errors.push(found);
  }

  #pressed(event: Event): void {
    const element = this.#isAllowed && meantBy(event);
    if (!element) return;
    const described = describe(event, element);
    this.#record({ type: "track", event: "$autocapture", properties: described });
    if (event.type !== "click") return;
    const { clientX: x, clientY: y, timeStamp: time } = event as MouseEvent;
    this.#clicks = [...this.#clicks, [time, x, y] as [number, number, number]].filter(
      ([then, left, top]) => time - then < RAGE_WITHIN && Math.hypot(x - left, y - top) < RAGE_RADIUS,
    );
    if (this.#clicks.length === RAGE_CLICKS) this.track("$rageclick", { ...described });
    this.#watch?.pressed(element, described);
  }

  #record(call: Fields, isActing = true, token = "", page: Page = currentPage()): void {
    if (!this.#isAllowed) return;
    const session = this.#state.session(isActing);
    let { anonymousId, userId, groupId } = this.#state.read();
    const properties = { ...(call.properties as Properties) };
    if (!anonymousId) {
      this.#state.change({ anonymousId: (anonymousId = uuid7()) });
      if (call.type === "page") properties.$set_once = { ...arrival(), ...(properties.$set_once as Properties) };
    }
    this.#transport.add(
      {
        messageId: uuid7(),
        timestamp: new Date(),
        anonymousId,
        userId,
        ...call,
        ...(call.type === "track" || call.type === "page" ? { properties } : {}),
        context: { page, sessionId: session, groupId },
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

  observe(event: string, properties: Properties, page?: Page): void {
    this.#record({ type: "track", event, properties }, false, "", page);
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
    this.#errors = [];
  }

  optIn(): void {
    const wasAllowed = this.#isAllowed;
    this.#state.change({ consent: "in" });
    if (!wasAllowed) this.#start();
  }

  async #ask(...call: QueuedCall): Promise<void> {
    this.#forForm.push(call);
    try {
      this.#form ??= (await this.#parts.form?.())?.start(this);
    } catch (error) {
      this.debug(error);
    }
    if (!this.#form) return this.debug("the feedback form could not be loaded");
    for (const each of this.#forForm.splice(0)) this.#form.call(each);
  }

  open(): void {
    void this.#ask("open");
  }

  attachTo(element: Element): void {
    void this.#ask("attachTo", element);
  }

  ask(question: string): void {
    void this.#ask("ask", question);
  }

  onReply(listener: (reply: Reply) => void): void {
    void this.#ask("onReply", listener);
  }
}
