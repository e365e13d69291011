#include "storage/log/read_epochs.h"

namespace storage {
namespace {

TEST(ReadEpochs, a_turn_that_began_before_holds_up_and_a_later_one_does_not) {
  ReadEpochs turns;
  const auto early = turns.add_reader(), late = turns.add_reader();
  early->begin(turns);
  const uint64_t unpublished = turns.next();
  late->begin(turns);
  EXPECT_FALSE(turns.all_passed(unpublished));
  early->end();
  EXPECT_TRUE(turns.all_passed(unpublished));
  early->begin(turns);
  EXPECT_TRUE(turns.all_passed(unpublished));
}

TEST(ReadEpochs, a_destroyed_reader_delays_no_removal) {
  ReadEpochs turns;
  auto reader = turns.add_reader();
  reader->begin(turns);
  const uint64_t unpublished = turns.next();
  EXPECT_FALSE(turns.all_passed(unpublished));
  reader.reset();
  EXPECT_TRUE(turns.all_passed(unpublished));
}

}  // namespace
}  // namespace storage
