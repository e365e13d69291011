// Kinds of the messages between the three steps of a join by a foreign key (docs/adr/0030).
#pragma once
#include <cstdint>

namespace engine {

// Kinds of changes of a left row. Each change of a left row has a greater number than the row's previous change. The
// change is sent to the task of the row's foreign key. If the foreign key changed, the change is also sent, with the
// same number, to the task of the old foreign key.
//
//   left row              sent to              kind
//   inserted, updated     its foreign key      0
//   new foreign key       the new foreign key  kMoved
//                         the old one          kLeft
//   deleted               its foreign key      kGone
//
// A change of a right row sends kind 0 again for each left row that refers to the right row, with the last number of
// that left row.
struct ForeignKeyChange {
  enum Kind : int32_t {
    kMoved = 1,
    kLeft = 2,
    kGone = 4,
    kJoined = 8,  // in answers: a joined row exists
  };
};

}  // namespace engine
