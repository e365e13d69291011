// The meaning, the default and the effect of settings of topics.
import assert from 'node:assert/strict';
import test from 'node:test';
import { load } from './site.mjs';

const settings = await load('live/topic_settings.js');
const { previewOf, sentenceOf } = await load('live/retention_preview.js');

test('a setting shows the meaning of its value, its default, and whether it removes records', () => {
  assert.equal(settings.meaningOf('retention.ms', '604800000'), '7 days');
  assert.equal(settings.meaningOf('retention.ms', '-1'), 'no limit');
  assert.equal(settings.meaningOf('retention.bytes', '1048576'), '1.0 MB');
  assert.equal(settings.meaningOf('segment.ms', '1234'), '');
  const own = { name: 'retention.ms', value: '1000', source: 'DYNAMIC_TOPIC_CONFIG',
    synonyms: [{ name: 'retention.ms', value: '1000', source: 'DYNAMIC_TOPIC_CONFIG' },
      { name: 'log.retention.ms', value: '-1', source: 'DEFAULT_CONFIG' }] };
  assert.equal(settings.defaultOf(own), '-1');
  assert.ok(settings.removesRecords('retention.ms', '-1', '1000'));
  assert.ok(!settings.removesRecords('retention.ms', '1000', '-1'));
  assert.ok(!settings.removesRecords('max.message.bytes', '9', '1'));
});

test('a preview counts the records before the first one that stays, by partition', () => {
  const partitions = [{ partition: 0, first_offset: 10, end_offset: '110', bytes: 1000 },
    { partition: 1, first_offset: 0, end_offset: 5, bytes: 50 }, { partition: 2, first_offset: null, end_offset: null, bytes: null }];
  const preview = previewOf('retention.ms', 1000, partitions, new Map([[0, 60]]));
  assert.deepEqual(preview, { records: 55, bytes: 550, all: 105, unknown: 1 });
  assert.equal(sentenceOf(preview),
    'Up to 55 of 105 records, about 550 B, would be removed. 1 partition without a replica on this node is not counted.');
  assert.equal(sentenceOf(previewOf('retention.ms', 1, partitions.slice(0, 2), new Map([[0, 10], [1, 0]]))),
    'None of 105 records would be removed.');
  assert.equal(sentenceOf(previewOf('retention.bytes', 400, partitions.slice(0, 2), new Map())), 'About 600 B would be removed.');
  assert.equal(sentenceOf(previewOf('retention.bytes', 5000, partitions.slice(0, 2), new Map())), 'Nothing would be removed.');
});

test('a change of a setting is one statement', () => {
  assert.equal(settings.changeOf("it's", 'retention.ms', '60000'), "ALTER TOPIC 'it''s' SET ('retention.ms' = '60000')");
  assert.equal(settings.changeOf('t', 'retention.ms', null), "ALTER TOPIC 't' RESET ('retention.ms')");
});
