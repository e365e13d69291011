// What the rows say that go between the three steps of a join by a foreign key (docs/adr/0030).
#pragma once
#include <cstdint>

namespace engine {

// Each change of a left row has a number, greater than that of the change before it. It goes to where the row of its
// foreign key is; where that has changed, also to where the old one is, with the same number.
//
//   left row         said to                 kind
//   comes, changes   its foreign key         0
//   moves            the new foreign key     kMoved
//                    the old one             kLeft
//   goes             its foreign key         kGone
//
// A change of a right row says 0 again of each left row that refers to it, with the number that this had last.
struct ForeignKeyChange {
  enum Kind : int32_t {
    kMoved = 1,
    kLeft = 2,
    kGone = 4,
    kJoined = 8,  // in answers: there is a joined row
  };
};

}  // namespace engine
