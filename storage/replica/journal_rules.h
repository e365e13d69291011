// The rules without which journals lose or double what tasks do, one by one, as ReplicaRules: a simulation switches one
// off and must find that. A server never does.
#pragma once

namespace storage {

struct JournalRules {
  // Tasks begin when a record of the new epoch is visible: all that a former owner has committed is then known.
  bool waits_for_epoch_start = true;
  // What is not known to be delivered is sent again by the next owner.
  bool sends_again = true;
  // Outputs are sent when their commit is visible.
  bool sends_what_is_committed = true;
  // They are delivered when they are visible where they go to, not when their leader has them.
  bool counts_what_is_visible = true;
  // A journal is trimmed behind a snapshot that is whole, and visible.
  bool trims_behind_whole = true;
  // What is to be delivered is not trimmed.
  bool keeps_undelivered = true;
  // Who has a snapshot goes on where it was begun, not where it ends.
  bool goes_on_at_its_place = true;
};

}  // namespace storage
