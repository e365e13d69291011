// Remembers the look-ups (SELECTs by key) that a session has received as Query messages, because
// clients often repeat a look-up with another key.
#pragma once
#include <algorithm>
#include <list>
#include <memory>
#include <utility>

#include "server/pg/literal_shape.h"
#include "server/pg/portal.h"

namespace server::pg {

class ClientEncoding;

struct KnownLookUp {
  LiteralShape shape;  // the text of the look-up, without the values of its literals
  // null: the statement is not a look-up, or this is not known yet
  PreparedStatementPtr statement;
  bool is_decided = false;
  // number of executions in a row for which answer_at_hand() could not return the answer

  int in_vain = 0;
  std::shared_ptr<ClientEncoding> encoding;  // the encoding with which `encoder` was made
  engine::TextForms forms;                   // the text forms with which `encoder` was made
  std::unique_ptr<RowEncoder> encoder;
};

// Keeps the kMost look-ups that were used last. Threads: the session's loop. Owner: the session.
class KnownLookUps {
 public:
  // Finds the look-up of this shape. If the shape is new, remembers it and returns null. The
  // pointer is valid until the next call.
  KnownLookUp* find(const LiteralShape& shape) {
    const auto found = std::find_if(known_.begin(), known_.end(), [&](const KnownLookUp& each) {
      return each.shape.is_like(shape);
    });
    if (found != known_.end()) {
      known_.splice(known_.begin(), known_, found);
      return &known_.front();
    }
    if (known_.size() == kMost) known_.pop_back();
    known_.emplace_front();
    known_.front().shape = {.text = shape.text, .types = shape.types, .values = {}};
    return nullptr;
  }
  // Counts an execution of the look-up that find() has returned last, if it could not be answered
  // within the call. After kEnough such executions in a row the look-up is forgotten, so that its
  // text is analysed again: the meaning of the text may have changed.
  void note_in_vain() {
    constexpr int kEnough = 16;
    if (++known_.front().in_vain >= kEnough) known_.pop_front();
  }
  void clear() { known_.clear(); }

 private:
  static constexpr size_t kMost = 16;
  std::list<KnownLookUp> known_;
};

}  // namespace server::pg
