// Places where the crash tests kill the process, named by the environment variable
// MILLRACE_CRASH_POINT: `name` at the first passage, `name:n` at the n-th.
#pragma once

namespace storage {

enum class CrashPoint {
  BeforeLogCommit,          // before-log-commit
  AfterCommitJournal,       // after-commit-journal: a commit is in the journal alone
  BeforeAcknowledgement,    // before-acknowledgement: the log is synced, no request is answered
  BetweenCheckpointChunks,  // between-checkpoint-chunks
  BeforeJournalTrim,  // before-journal-trim: the checkpoint is durable, its journal not trimmed yet
  AfterJoinBegan,     // after-join-began: the directory has the row, etcd has nothing yet
  AfterFounding,      // after-founding: etcd has the metadata, the directory is not its node's yet
  BeforeJoinEnds,     // before-join-ends: the journals are written, too
};

// Raises SIGKILL if this is the configured passage of the point.
void pass(CrashPoint point);

}  // namespace storage
