// @ts-check
// The nodes of the cluster, as this node knows them. The page changes nothing.
import { el } from '../core/element.js';
import { Followed } from '../core/follow.js';
import { plural } from '../core/format.js';
import { session } from '../core/session.js';
import { CLUSTER } from '../live/figures.js';
import { LiveTable } from '../live/live_table.js';
import { Panel, watchStale } from '../live/panel.js';

const COLUMNS = /** @type {import('../live/live_table.js').LiveColumn[]} */ ([
  { title: 'Node', value: (row) => row.node },
  { title: 'State', value: (row) => row.state, mark: (row) => row.state },
  { title: 'Role', value: (row) => row.role ?? '' },
  { title: 'Leads', isNumber: true, value: (row) => row.leads },
  { title: 'Replicas', isNumber: true, value: (row) => row.replicas },
  { title: 'In sync', isNumber: true, value: (row) => row.in_sync,
    mark: (row) => Number(row.in_sync) < Number(row.replicas) ? 'behind' : '' },
  { title: 'Rack', value: (row) => row.rack ?? '' },
  { title: 'Kafka address', value: (row) => row.kafka ?? '' },
  { title: 'Node address', value: (row) => row.nodes ?? '' },
]);

/** Returns a sentence about the cluster. @param {Record<string, any>[]} rows */
export function summaryOf(rows) {
  if (rows.length < 2) return 'This server is a single node: no other node has its data.';
  const away = rows.filter(({ state }) => state !== 'there').map(({ node }) => node);
  const controller = rows.find(({ role }) => /controller/.test(role ?? ''));
  const parts = [away.length ? `${plural(rows.length, 'node')}, of which ${
    plural(away.length, 'is', 'are')} away: ${away.join(', ')}.`
    : `${plural(rows.length, 'node')}, all of them present.`,
  controller ? `Node ${controller.node} is the controller.` : 'No node is the controller.'];
  return parts.join(' ');
}

/** @type {import('../core/router.js').Page} */
export const page = {
  show(main, _params, signal) {
    const table = new LiveTable('Nodes', COLUMNS, { key: (row) => String(row.node),
      empty: 'This server is a single node.' });
    const summary = el('p', { role: 'status' });
    const cluster = new Followed(CLUSTER, signal, () => panel.update());
    const panel = new Panel('Nodes', [cluster], el('div', {}, summary, table.node), { draw: () => {
      const text = summaryOf(cluster.rows);
      if (summary.textContent !== text) summary.textContent = text;
      table.show(cluster.rows);
    }, note: `As node ${session.info.server?.node ?? 1} knows it.` });
    main.append(el('div.page.live-page.wide', {}, el('h1', {}, 'Cluster'), panel.node));
    watchStale([panel], signal);
  },
};
