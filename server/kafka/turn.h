// Calls begin_turn() of the log's reader, and end_turn() at the end of the scope.
#pragma once
#include "storage/log/log_reader.h"

namespace server::kafka {

class Turn {
 public:
  explicit Turn(storage::LogReader& reader) : reader_(reader), begun_(reader.begin_turn()) {}
  ~Turn() {
    if (begun_) reader_.end_turn();
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  // Returns an error if the turn (a read of the log from one snapshot) could not begin; the caller must then read
  // nothing.
  const Status& begun() const { return begun_; }

 private:
  storage::LogReader& reader_;
  const Status begun_;
};

}  // namespace server::kafka
