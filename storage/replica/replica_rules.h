// The rules without which replication loses, doubles or blocks, one by one: a simulation switches one off
// and must find that. A server never does.
#pragma once

namespace storage {

struct ReplicaRules {
  // A follower removes what its leader has not.
  bool truncates = true;
  // A follower counts with what it has synced, not with what it has received.
  bool acknowledges_synced = true;
  // A follower counts until it was read from the metadata that it is out.
  bool shrinks_when_committed = true;
  // A follower counts from the moment in which it was proposed.
  bool counts_proposed = true;
  // The high watermark stands still while fewer than min.insync.replicas are in sync.
  bool needs_min_isr = true;
  // Who comes into the ISR has all that is visible, and all that was there when this leader began.
  bool joins_caught_up = true;
  // A node that was registered anew is another one: what it fetched before does not make it a member.
  bool checks_node_epochs = true;
};

}  // namespace storage
