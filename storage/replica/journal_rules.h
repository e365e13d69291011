// The rules that keep journals from losing or duplicating the work of tasks. As with ReplicaRules,
// a simulation switches one off and must detect the damage. A server keeps all of them on.
#pragma once

namespace storage {

struct JournalRules {
  // Tasks begin when a record of the new epoch is visible: all commits of earlier owners are known
  // by then.
  bool waits_for_epoch_start = true;
  // The next owner sends outputs again that are not known to be delivered.
  bool sends_again = true;
  // Outputs are sent when their commit is visible.
  bool sends_what_is_committed = true;
  // An output counts as delivered when it is visible in its partition, not when only the leader has
  // it.
  bool counts_what_is_visible = true;
  // A journal is trimmed only up to a snapshot that is complete and visible.
  bool trims_behind_whole = true;
  // Commits with undelivered outputs are not trimmed.
  bool keeps_undelivered = true;
  // A node that restores a snapshot continues where the snapshot began, not where its last piece
  // lies.
  bool goes_on_at_its_place = true;
};

}  // namespace storage
