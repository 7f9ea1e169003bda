// What PostHog's HTML snippet loads as array.js. It takes over the calls that the snippet has queued, and records
// events in PostHog's format. Features other than events (flags, surveys, recordings) are accepted and do nothing.
import { uuid7 } from "../ids";
import { openStorage } from "../storage";

(() => {
  const SECOND = 1000;
  const MINUTE = 60 * SECOND;
  const FLUSH_AFTER = 3 * SECOND;
  const LONGEST_WAIT = 5 * MINUTE;
  const LONGEST_SESSION = 24 * 60 * MINUTE;
  const BATCH = 100;
  const MOST_QUEUED = 1000;
  const KEPT_BYTES = 20_000; // the characters of a request that outlives its page: browsers allow 64 KB for all of them
  const BEACON_BYTES = 60_000;
  const MOST_TEXT = 255;
  const OWN_STATE = new Set(["distinct_id", "$user_state", "$sesid", "$initial_person_info", "__alias"]);
  const INITIAL = ["utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"];
  const LIKE_A_CARD_NUMBER = /\d[\d -]{11,}\d/;
  const CLICKABLE = "a,button,label,summary,[role=button],[role=link],[role=tab],[role=menuitem],[role=option]";
  const FIELDS = "input,select,textarea";
  const PRESSED = "[type=submit],[type=button],[type=image],[type=reset]";

  const kindOf = (persistence) => ({ memory: "memory", sessionStorage: "session" })[persistence] ?? "local";

  function parsed(url) {
    try {
      return new URL(url);
    } catch {
      return null;
    }
  }

  const domain = (url) => parsed(url)?.hostname || "$direct";
  const oneLine = (text) => (text || "").replace(/\s+/g, " ").trim().slice(0, MOST_TEXT);

  function page() {
    return {
      $current_url: location.href,
      $host: location.host,
      $pathname: location.pathname,
      title: document.title,
      $referrer: document.referrer || "$direct",
      $referring_domain: domain(document.referrer),
      $browser_language: navigator.language,
      $screen_width: screen.width,
      $screen_height: screen.height,
      $viewport_width: innerWidth,
      $viewport_height: innerHeight,
      $timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    };
  }

  function initialProperties({ r: referrer, u: url } = {}) {
    const { host, pathname, searchParams } = parsed(url) || {};
    if (!host) return {};
    const found = { $initial_current_url: url, $initial_host: host, $initial_pathname: pathname };
    for (const name of INITIAL) if (searchParams.has(name)) found[`$initial_${name}`] = searchParams.get(name);
    return { ...found, $initial_referrer: referrer, $initial_referring_domain: domain(referrer) };
  }

  function visibleText(element) {
    if (element.matches(`${FIELDS},form`)) return element.matches(PRESSED) ? oneLine(element.value) : "";
    const text = oneLine(element.innerText ?? element.textContent);
    return LIKE_A_CARD_NUMBER.test(text) ? "" : text;
  }

  function describe(element, text, config) {
    const siblings = [...(element.parentElement?.children || [element])];
    const alike = siblings.filter((each) => each.tagName === element.tagName);
    const given = { "nth-child": siblings.indexOf(element) + 1, "nth-of-type": alike.indexOf(element) + 1 };
    if (text) given.text = text;
    if (element.href) given.href = element.getAttribute("href");
    if (element.id) given.attr_id = element.id;
    if (!config.mask_all_element_attributes)
      for (const name of ["aria-label", "class", "name", "role", "type"])
        if (element.hasAttribute(name)) given[`attr__${name}`] = element.getAttribute(name);
    const classes = [...element.classList].sort().map((name) => `.${name}`);
    const written = Object.keys(given).sort().map((name) => `${name}="${`${given[name]}`.replace(/"/g, '\\"')}"`);
    return `${element.localName}${classes.join("")}:${written.join("")}`;
  }

  // The element that a person means by this event, or nothing if it is not worth an event.
  function meant(event) {
    const target = event.composedPath()[0];
    if (!(target instanceof Element)) return null;
    if (event.type === "submit") return target.closest("form");
    if (event.type === "change") return target.closest(FIELDS);
    const pressed = target.closest(`${CLICKABLE},${PRESSED}`);
    return pressed || (getComputedStyle(target).cursor === "pointer" ? target : null);
  }

  function exception(error) {
    const { name = "Error", message = `${error}`, stack } = error instanceof Error ? error : {};
    return { $exception_list: [{ type: name, value: message, raw_stack: stack }], $exception_level: "error" };
  }

  class PostHog {
    #token;
    #store;
    #window;
    #queue = [];
    #sending = new Set();
    #timer;
    #failures = 0;
    #listeners = { eventCaptured: [], session: [] };
    config = {};
    people = {
      set: (...given) => this.setPersonProperties(asProperties(given)),
      set_once: (...given) => this.setPersonProperties({}, asProperties(given)),
    };

    init(token, config = {}, name = "posthog") {
      if (name !== "posthog") return (this[name] ??= new PostHog()).init(token, config);
      if (!token || this.__loaded) return this;
      this.#token = token;
      this.config = { ...config, api_host: (config.api_host || "").replace(/\/+$/, "") };
      this.#store = openStorage(kindOf(config.persistence));
      this.#begin(config.bootstrap);
      this.__loaded = true;
      config.loaded?.(this);
      this.#listen();
      return this;
    }

    #begin({ distinctID, isIdentifiedID } = {}) {
      const id = distinctID || uuid7();
      const person = { distinct_id: id, $device_id: isIdentifiedID ? uuid7() : id };
      if (isIdentifiedID) Object.assign(person, { $user_id: id, $user_state: "identified" });
      const visit = { r: document.referrer || "$direct", u: location.href };
      this.#state({ ...person, $initial_person_info: visit, ...this.#state() });
      const tab = openStorage(this.config.persistence === "memory" ? "memory" : "session");
      const name = `ph_${this.#token}_window_id`;
      this.#window = tab.getItem(name) || uuid7();
      tab.setItem(name, this.#window);
    }

    // Read each time, because other tabs write it as well. The format is that of posthog-js.
    #state(changes) {
      const name = `ph_${this.#token}_posthog`;
      let kept = {};
      try {
        kept = JSON.parse(this.#store.getItem(name)) || {};
      } catch {}
      if (!changes) return kept;
      // JSON leaves out what is undefined.
      const state = { ...kept, ...changes };
      try {
        this.#store.setItem(name, JSON.stringify(state));
      } catch {}
      return state;
    }

    #session() {
      const now = Date.now();
      const idle = (this.config.session_idle_timeout_seconds || 1800) * SECOND;
      let [last, id, start] = this.#state().$sesid || [];
      const isNew = !id || now - last > idle || now - start > LONGEST_SESSION;
      if (isNew) [id, start] = [uuid7(), now];
      this.#state({ $sesid: [now, id, start] });
      if (isNew) for (const each of this.#listeners.session) each(id, this.#window);
      return id;
    }

    #listen() {
      const { autocapture = true, defaults = "", capture_exceptions: exceptions } = this.config;
      const { capture_pageview: views = /^2/.test(defaults) && defaults >= "2025-05-24" ? "history_change" : true } =
        this.config;
      if (autocapture)
        for (const type of autocapture.dom_event_allowlist || ["click", "change", "submit"])
          addEventListener(type, (event) => this.#autocapture(event, autocapture), { capture: true, passive: true });
      if (exceptions) {
        addEventListener("error", ({ error, message }) => this.captureException(error || message));
        addEventListener("unhandledrejection", ({ reason }) => this.captureException(reason));
      }
      if (views) setTimeout(() => this.#viewed());
      if (views === "history_change") this.#followHistory();
      addEventListener("pagehide", () => {
        if (this.config.capture_pageleave ?? views) this.capture("$pageleave");
        this.#sendBeacons(true);
      });
      document.addEventListener("visibilitychange", () => document.hidden && this.#sendBeacons(false));
      addEventListener("online", () => this.#flush());
    }

    #viewed(properties) {
      this.capture("$pageview", { title: document.title, ...properties });
    }

    #followHistory() {
      let path = location.pathname;
      const changed = (navigation_type) => {
        if (location.pathname === path) return;
        path = location.pathname;
        this.#viewed({ navigation_type });
      };
      for (const name of ["pushState", "replaceState"]) {
        const original = history[name];
        history[name] = function (...given) {
          original.apply(this, given);
          changed(name);
        };
      }
      addEventListener("popstate", () => changed("popstate"));
    }

    #autocapture(event, limits) {
      const element = meant(event);
      if (!element || element.closest(".ph-no-capture")) return;
      const { css_selector_allowlist: selectors, element_allowlist: tags, url_allowlist: urls } = limits;
      if (selectors && !selectors.some((each) => element.closest(each))) return;
      if (tags && !tags.includes(element.localName)) return;
      if (urls && !urls.some((each) => location.href.match(each))) return;
      const isMasked = this.config.mask_all_text || element.closest(".ph-sensitive");
      const text = isMasked ? "" : visibleText(element);
      const chain = [];
      for (let each = element; each && each !== document.body; each = each.parentElement)
        chain.push(describe(each, each === element && text, this.config));
      this.capture("$autocapture", {
        $event_type: event.type,
        $ce_version: 1,
        $el_text: text || undefined,
        $elements_chain: chain.join(";"),
      });
    }

    capture(event, properties = {}, options = {}) {
      if (!this.__loaded || !event || this.has_opted_out_capturing()) return undefined;
      const session = this.#session();
      const { person_profiles: profiles = "identified_only", before_send: filters = [] } = this.config;
      const state = this.#state();
      const registered = Object.entries(state).filter(([name]) => !OWN_STATE.has(name));
      const isIdentified = state.$user_state === "identified";
      let data = {
        uuid: options.uuid || uuid7(),
        event,
        timestamp: options.timestamp || new Date(),
        $set: options.$set,
        $set_once: options.$set_once,
        properties: {
          ...page(),
          ...Object.fromEntries(registered),
          distinct_id: state.distinct_id,
          $session_id: session,
          $window_id: this.#window,
          $is_identified: isIdentified,
          $process_person_profile: profiles === "always" || (profiles !== "never" && isIdentified),
          $lib: "web",
          $lib_version: "firsthand-1",
          ...properties,
        },
      };
      for (const name of this.config.property_denylist || []) delete data.properties[name];
      for (const filter of [filters].flat()) data = data && filter(data);
      if (!data) return undefined;
      for (const each of this.#listeners.eventCaptured) each(data);
      this.#queue.push(data);
      this.#queue.splice(0, this.#queue.length - MOST_QUEUED);
      if (options.send_instantly || this.config.request_batching === false) this.#flush();
      else this.#flushAfter(FLUSH_AFTER);
      return data;
    }

    #flushAfter(wait) {
      this.#timer ??= setTimeout(() => this.#flush(), wait);
    }

    async #flush() {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      const batch = this.#queue.splice(0, BATCH);
      if (!batch.length) return;
      const body = this.#body(batch);
      const keepalive = body.length < KEPT_BYTES;
      if (!keepalive) this.#sending.add(batch);
      const wait = await this.#post(body, keepalive);
      this.#sending.delete(batch);
      this.#failures = wait ? this.#failures + 1 : 0;
      if (wait) this.#queue.unshift(...batch);
      if (this.#queue.length) this.#flushAfter(wait || FLUSH_AFTER);
    }

    // Resolves to the time until the next attempt, 0 if none is needed.
    async #post(body, keepalive) {
      const backoff = Math.min(FLUSH_AFTER * 2 ** this.#failures, LONGEST_WAIT);
      try {
        // As text/plain, so that the browser asks for no permission first.
        const headers = { "Content-Type": "text/plain" };
        const answer = await fetch(`${this.config.api_host}/e/`, { method: "POST", headers, body, keepalive });
        const isTemporary = [408, 429].includes(answer.status) || answer.status >= 500;
        return isTemporary ? answer.headers.get("Retry-After") * SECOND || backoff : 0;
      } catch {
        return backoff;
      }
    }

    #body(batch) {
      return JSON.stringify({ api_key: this.#token, batch, sent_at: new Date() });
    }

    // A page that goes away cancels its large requests, so their events go again: the server counts each UUID once.
    #sendBeacons(isLeaving) {
      const events = [...(isLeaving ? [...this.#sending].flat() : []), ...this.#queue.splice(0)];
      const send = (batch) => {
        const body = new Blob([this.#body(batch)], { type: "text/plain" });
        const isSent = body.size < BEACON_BYTES && navigator.sendBeacon(`${this.config.api_host}/e/?beacon=1`, body);
        if (isSent) return;
        if (batch.length === 1) this.#queue.push(...batch);
        else for (const half of [batch.splice(0, batch.length / 2), batch]) send(half);
      };
      if (events.length) send(events);
      if (this.#queue.length && !isLeaving) this.#flushAfter(FLUSH_AFTER);
    }

    identify(id, set = {}, setOnce = {}) {
      id = `${id ?? ""}`;
      if (!this.__loaded || !id.trim()) return;
      const { distinct_id: before, $user_state: status, $initial_person_info: first } = this.#state();
      this.#state({ distinct_id: id, $user_id: id, $user_state: "identified" });
      const facts = { $set: set, $set_once: { ...initialProperties(first), ...setOnce } };
      if (id !== before && status !== "identified")
        this.capture("$identify", { distinct_id: id, $anon_distinct_id: before }, facts);
      else if (Object.keys({ ...set, ...setOnce }).length) this.setPersonProperties(set, setOnce);
    }

    setPersonProperties($set = {}, $set_once = {}) {
      this.capture("$set", {}, { $set, $set_once });
    }

    unsetPersonProperties($unset) {
      this.capture("$set", { $unset });
    }

    alias(alias, original = this.get_distinct_id()) {
      if (alias === original) return this.identify(alias);
      return this.capture("$create_alias", { alias, distinct_id: original });
    }

    group(type, key, properties) {
      const groups = this.getGroups();
      this.register({ $groups: { ...groups, [type]: key } });
      if (properties || groups[type] !== key)
        this.capture("$groupidentify", { $group_type: type, $group_key: key, $group_set: properties || {} });
    }

    resetGroups() {
      this.register({ $groups: {} });
    }

    reset(isNewDevice) {
      const { $device_id: device, $initial_person_info: first } = this.#state();
      this.#state(Object.fromEntries(Object.keys(this.#state()).map((name) => [name, undefined])));
      const distinct_id = uuid7();
      this.#state({ distinct_id, $device_id: isNewDevice ? distinct_id : device, $initial_person_info: first });
    }

    register(properties) {
      this.#state(properties);
    }

    register_once(properties) {
      this.#state({ ...properties, ...this.#state() });
    }

    unregister(name) {
      this.#state({ [name]: undefined });
    }

    captureException(error, properties) {
      return this.capture("$exception", { ...exception(error), ...properties });
    }

    #consent(decision) {
      const name = `__ph_opt_in_out_${this.#token}`;
      if (decision !== undefined) this.#store.setItem(name, decision);
      return this.#store.getItem(name);
    }

    opt_in_capturing({ captureEventName: name = "$opt_in", captureProperties: properties } = {}) {
      this.#consent("1");
      if (name) this.capture(name, properties);
      if (this.config.capture_pageview ?? true) this.#viewed();
    }

    opt_out_capturing() {
      this.#consent("0");
      this.#queue = [];
    }

    clear_opt_in_out_capturing() {
      this.#consent("");
    }

    has_opted_in_capturing() {
      return this.#consent() === "1";
    }

    has_opted_out_capturing() {
      const { opt_out_capturing_by_default: isOut, respect_dnt: honours } = this.config;
      const refuses = honours && (navigator.doNotTrack === "1" || navigator.globalPrivacyControl);
      return this.#consent() === "0" || (Boolean(isOut || refuses) && this.#consent() !== "1");
    }

    on(name, callback) {
      this.#listeners[name]?.push(callback);
      return () => (this.#listeners[name] = this.#listeners[name]?.filter((each) => each !== callback));
    }

    onSessionId(callback) {
      callback(this.get_session_id(), this.#window);
      return this.on("session", callback);
    }

    // There are no flags. Pages that wait for them go on.
    onFeatureFlags(callback) {
      setTimeout(() => callback([], {}, { errorsLoading: false }));
      return () => {};
    }

    isFeatureEnabled = () => undefined;
    getEarlyAccessFeatures = (callback) => callback([]);
    getSurveys = (callback) => callback([]);
    getActiveMatchingSurveys = (callback) => callback([]);
    get_session_replay_url = () => "";
    sessionRecordingStarted = () => false;
    get_distinct_id = () => this.#state().distinct_id;
    get_property = (name) => this.#state()[name];
    get_session_id = () => this.#session();
    getGroups = () => this.#state().$groups || {};
    set_config = (changes) => Object.assign(this.config, changes);
    push = ([name, ...given]) => this[name]?.(...given);
    toString = () => "posthog";
  }

  function asProperties([first, value]) {
    return typeof first === "object" ? first : { [first]: value };
  }

  // Calls that the snippet has queued on itself and on its `people`. What it knows and we do not does nothing.
  function takeOver(client, stub) {
    for (const [owner, queue] of [[client, stub], [client.people, stub.people || []]]) {
      for (const name of Object.keys(queue)) if (typeof queue[name] === "function") owner[name] ??= () => {};
      for (const call of Array.isArray(queue) ? queue : [])
        if (typeof call === "function") call.call(client);
        else owner[call[0]]?.(...call.slice(1));
    }
  }

  const stub = window.posthog;
  // A second snippet on the page loads this file again.
  if (stub?.__loaded) return;
  const posthog = new PostHog();
  window.posthog = posthog;
  const clients = (stub?._i || []).map(([token, config, name]) => [stub[name] || stub, posthog.init(token, config, name)]);
  // As a Map, because a second init() of the same name shares its queue.
  for (const [queue, client] of new Map(clients)) takeOver(client, queue);
})();
