// Rules which ensure that journals neither lose nor duplicate the work of tasks. A simulation
// switches off one rule and must then detect the damage, as with ReplicaRules. A server keeps all
// rules switched on.
#pragma once

namespace storage {

struct JournalRules {
  // Tasks begin only when a record of the new leader epoch is visible, because then all commits of
  // earlier owners are visible, too.
  bool waits_for_epoch_start = true;
  // A new owner sends again all outputs that are not recorded as delivered.
  bool sends_again = true;
  // Outputs are sent only when their commit is visible.
  bool sends_what_is_committed = true;
  // An output counts as delivered only when it is visible in its partition. The append by the
  // partition's leader is not enough, because that leader may fail before its followers have the
  // output.
  bool counts_what_is_visible = true;
  // A journal is trimmed only up to a snapshot that is complete and visible.
  bool trims_behind_whole = true;
  // Commits with undelivered outputs are not trimmed.
  bool keeps_undelivered = true;
  // A node that restores a snapshot continues with the commits after the place where the snapshot
  // began. It must not continue after the last piece, because the snapshot lacks the commits
  // between its pieces.
  bool goes_on_at_its_place = true;
};

}  // namespace storage
