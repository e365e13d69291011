// Points in the program where the crash tests kill the process. The environment variable
// MILLRACE_CRASH_POINT selects one: `name` kills at the first passage, `name:n` at the n-th.
#pragma once

namespace storage {

enum class CrashPoint {
  BeforeLogCommit,          // before-log-commit
  AfterCommitJournal,       // after-commit-journal: only the journal has the commit
  BeforeAcknowledgement,    // before-acknowledgement: the log is synced, no request is answered
  BetweenCheckpointChunks,  // between-checkpoint-chunks
  BeforeJournalTrim,  // before-journal-trim: a checkpoint is durable, its journal is not trimmed
  AfterJoinBegan,     // after-join-began: the directory has the row, etcd has nothing yet
  AfterFounding,      // after-founding: etcd has the metadata, the directory has no node yet
  BeforeJoinEnds,     // before-join-ends: the journals are written, too; the directory has no node
};

// Kills this process (SIGKILL) if the configured point is `point` and this is the configured
// passage.
void pass(CrashPoint point);

}  // namespace storage
