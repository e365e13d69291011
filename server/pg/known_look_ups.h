// What a session has found out about look-ups that it is asked again and again, each time with another key in the text.
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
  LiteralShape shape;              // the values are nobody's
  PreparedStatementPtr statement;  // null: it has been met once, or is no look-up of one row
  bool is_decided = false;
  int in_vain = 0;                           // how often in a row the answer was not at hand
  std::shared_ptr<ClientEncoding> encoding;  // of the encoder
  engine::TextForms forms;                   // likewise
  std::unique_ptr<RowEncoder> encoder;
};

// The last few. Threads: the session's loop. Owner: the session.
class KnownLookUps {
 public:
  // Null for one that has not been met, which it is from now on. It stays until the next call.
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
  // What was found last. What a text means may have changed: it is found out anew.
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
