// The meaning, the default and the effect of settings of topics.
import assert from 'node:assert/strict';
import test from 'node:test';
import { load } from './site.mjs';

const settings = await load('live/topic_settings.js');

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
