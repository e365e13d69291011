// A join by a foreign key has three steps (docs/adr/0030): the left rows are sent to the tasks of their foreign keys,
// joined there, and collected by left key. This file has the kinds of the messages between the steps.
#pragma once
#include <cstdint>

namespace engine {

// The kinds of changes of a left row. Each change of a row has a number that is greater than that
// of the row's previous change. The change is sent to the task of the row's foreign key. If the
// foreign key has changed, it is also sent, with the same number, to the task of the old foreign
// key.
//
//   left row              sent to              kind
//   inserted, updated     its foreign key      0
//   new foreign key       the new foreign key  kMoved
//                         the old one          kLeft
//   deleted               its foreign key      kGone
//
// If a right row changes, kind 0 is sent again for each left row that refers to it, with the number
// of that left row's last change.
struct ForeignKeyChange {
  enum Kind : int32_t {
    kMoved = 1,
    kLeft = 2,
    kGone = 4,
    kJoined = 8,  // in answers: a joined row exists
  };
};

}  // namespace engine
