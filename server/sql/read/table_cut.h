// Tables of several shards at one moment.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/tasks/shard.h"

namespace server {

// The tasks that keep the tables of these queries stand still, each between two of its commits, as long as this
// lives. What they have committed was handed to the log before anything that they will commit: so what is read of
// them is the tables as of one commit of the log, whichever shard reads first.
//
// The shards are held one after the other, in the order of their numbers: two cuts of which each had what the other
// waits for would stand for ever.
//
// Threads: any. Owner: shared by the look-up and those who begin to read; the shards outlive it.
class TableCut : public std::enable_shared_from_this<TableCut> {
 public:
  // `standing` is called on one of the shards' loops, once all do; not when the cut is gone.
  static std::shared_ptr<TableCut> begin(std::vector<Shard*> shards,
                                         std::vector<std::string> query_ids,
                                         std::function<void()> standing);
  ~TableCut();
  TableCut(const TableCut&) = delete;
  TableCut& operator=(const TableCut&) = delete;

 private:
  TableCut(std::vector<Shard*> shards, std::vector<std::string> query_ids,
           std::function<void()> standing)
      : shards_(std::move(shards)),
        query_ids_(std::move(query_ids)),
        standing_(std::move(standing)) {}
  void hold_from(size_t index);
  void hold(size_t index);

  const std::vector<Shard*> shards_;
  const std::vector<std::string> query_ids_;
  const std::function<void()> standing_;
  size_t left_ = 0;  // queries that do not stand yet, of the shard whose turn it is
};

}  // namespace server
