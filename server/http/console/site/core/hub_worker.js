// @ts-check
// The SharedWorker that runs the hub for all tabs of a browser. A tab sends `{follow: sql, id}` and
// `{leave: id}`, and gets `{id, call, args}` for each call of its follower.
import { Hub } from './hub.js';
import { runSql } from './sql.js';

const CALLS = /** @type {const} */ (['reset', 'changes', 'alive', 'failed', 'lost']);
const hub = new Hub(runSql);

/** @type {any} */ (globalThis).onconnect = (/** @type {MessageEvent} */ event) => {
  const [port] = event.ports;
  /** @type {Map<number, () => void>} */
  const followed = new Map();
  const leave = (/** @type {number} */ id) => {
    followed.get(id)?.();
    followed.delete(id);
  };
  port.onmessage = ({ data }) => {
    if (data.follow) {
      const follower = Object.fromEntries(CALLS.map((call) =>
        [call, (/** @type {any[]} */ ...args) => port.postMessage({ id: data.id, call, args })]));
      followed.set(data.id, hub.follow(data.follow, /** @type {any} */ (follower)));
    } else if (data.leave) {
      leave(data.leave);
    } else {
      for (const id of [...followed.keys()]) leave(id); // the tab is closed
    }
  };
};
