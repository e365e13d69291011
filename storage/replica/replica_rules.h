// Rules which ensure that replication neither loses nor duplicates records, and does not block. A
// simulation switches off one rule and must then detect the damage. A server keeps all rules
// switched on.
#pragma once

namespace storage {

struct ReplicaRules {
  // A follower truncates records that its leader does not have.
  bool truncates = true;
  // A follower acknowledges only records that it has synced, not all that it has received.
  bool acknowledges_synced = true;
  // A member that the leader has proposed to remove from the ISR still counts for the high
  // watermark until the metadata shows its removal.
  bool shrinks_when_committed = true;
  // A node counts for the high watermark from the moment at which it is proposed for the ISR.
  bool counts_proposed = true;
  // The high watermark does not move while fewer than min.insync.replicas are in sync.
  bool needs_min_isr = true;
  // A node joins the ISR only with all visible records, and with all records from before this
  // leader epoch.
  bool joins_caught_up = true;
  // A node that has registered again counts as a different node, so its earlier fetches do not let
  // it join.
  bool checks_node_epochs = true;
};

}  // namespace storage
