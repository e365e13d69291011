// The rules that keep replication from losing, duplicating and blocking. A simulation switches one
// off and must detect the damage. A server keeps all of them on.
#pragma once

namespace storage {

struct ReplicaRules {
  // A follower truncates records that its leader does not have.
  bool truncates = true;
  // A follower acknowledges what it has synced, not what it has received.
  bool acknowledges_synced = true;
  // A follower counts for the high watermark until the metadata shows its removal from the ISR.
  bool shrinks_when_committed = true;
  // A follower counts for the high watermark from the moment it is proposed.
  bool counts_proposed = true;
  // The high watermark does not move while fewer than min.insync.replicas are in sync.
  bool needs_min_isr = true;
  // A node that joins the ISR has all visible records, and all records from before this leader
  // epoch.
  bool joins_caught_up = true;
  // A node that registered again counts as a different one: its earlier fetches do not make it a
  // member.
  bool checks_node_epochs = true;
};

}  // namespace storage
