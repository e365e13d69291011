// Places where the crash tests kill the process, named by the environment variable
// MILLRACE_CRASH_POINT: `name` at the first passage, `name:n` at the n-th.
#pragma once

namespace storage {

enum class CrashPoint {
  BeforeLogCommit,          // before-log-commit
  AfterCommitJournal,       // after-commit-journal: a commit is in the log's journal, not in its data file
  BeforeAcknowledgement,    // before-acknowledgement: the log is synced, nobody has been told
  BetweenCheckpointChunks,  // between-checkpoint-chunks
  BeforeJournalTrim,  // before-journal-trim: the checkpoint is durable, its journal still there
  AfterJoinBegan,     // after-join-began: the directory says so, etcd has nothing yet
  AfterFounding,      // after-founding: etcd has the cluster's metadata, the directory is not its node's yet
  BeforeJoinEnds,     // before-join-ends: the journals are written, too
};

// Raises SIGKILL when it is this point's turn to.
void pass(CrashPoint point);

}  // namespace storage
