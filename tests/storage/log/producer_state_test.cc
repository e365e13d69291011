#include "storage/log/producer_state.h"

namespace storage {
namespace {

records::BatchHeader batch(int16_t epoch, int32_t first_sequence, int32_t count = 1) {
  records::BatchHeader header;
  header.producer_id = ProducerId{1};
  header.producer_epoch = epoch;
  header.base_sequence = first_sequence;
  header.last_offset_delta = count - 1;
  return header;
}

bool is_next(const ProducerState& state, const records::BatchHeader& header) {
  const auto verdict = state.check(header);
  return verdict && std::holds_alternative<ProducerState::Append>(*verdict);
}

TEST(ProducerState, a_producer_that_is_not_known_may_begin_anywhere) {
  EXPECT_TRUE(is_next(ProducerState(), batch(3, 17)));
}

TEST(ProducerState, the_five_newest_batches_are_recognized) {
  ProducerState state;
  for (int i = 0; i < 7; ++i) state.appended(batch(0, i * 10, 10), Offset{100 + i * 10}, 0);
  for (int i = 2; i < 7; ++i) {
    const auto verdict = state.check(batch(0, i * 10, 10));
    ASSERT_TRUE(verdict);
    EXPECT_EQ(std::get<ProducerState::Duplicate>(*verdict).base_offset, Offset{100 + i * 10});
  }
  EXPECT_EQ(state.check(batch(0, 10, 10)).error().code, ErrorCode::OutOfOrderSequence);
  EXPECT_EQ(state.check(batch(0, 60, 5)).error().code, ErrorCode::OutOfOrderSequence);
  EXPECT_TRUE(is_next(state, batch(0, 70)));
}

records::BatchHeader in_transaction(records::BatchHeader header) {
  header.attributes |= 16;
  return header;
}

// A batch with the same sequence as one of an aborted transaction would be acknowledged as a duplicate and never become
// visible.
TEST(ProducerState, a_batch_of_a_transaction_that_has_ended_does_not_come_again) {
  ProducerState state;
  const records::BatchHeader first = in_transaction(batch(0, 0)),
                             second = in_transaction(batch(0, 1));
  state.appended(first, Offset{10}, 0);
  state.set_open_since(Offset{10});
  EXPECT_TRUE(std::holds_alternative<ProducerState::Duplicate>(state.check(first).value()));
  state.ended(first, {}, 0);
  EXPECT_EQ(state.check(first).error().code, ErrorCode::UndefinedObject);
  ASSERT_TRUE(is_next(state, second));
  state.appended(second, Offset{12}, 0);
  state.set_open_since(Offset{12});
  EXPECT_EQ(state.check(first).error().code, ErrorCode::UndefinedObject);
  EXPECT_TRUE(std::holds_alternative<ProducerState::Duplicate>(state.check(second).value()));
}

TEST(ProducerState, a_newer_epoch_begins_at_zero_and_fences_the_older_one) {
  ProducerState state;
  state.appended(batch(1, 0, 5), Offset{0}, 0);
  EXPECT_EQ(state.check(batch(2, 5)).error().code, ErrorCode::OutOfOrderSequence);
  ASSERT_TRUE(is_next(state, batch(2, 0)));
  state.appended(batch(2, 0), Offset{5}, 0);
  EXPECT_EQ(state.check(batch(1, 5)).error().code, ErrorCode::FencedTask);
}

TEST(ProducerState, sequences_go_on_at_zero_after_the_largest) {
  ProducerState state;
  // the sequence numbers are the last two and 0
  state.appended(batch(0, INT32_MAX - 1, 3), Offset{0}, 0);
  EXPECT_TRUE(is_next(state, batch(0, 1)));
}

TEST(ProducerState, it_comes_back_from_its_bytes) {
  ProducerState state;
  state.appended(batch(4, 0, 5), Offset{70}, 0);
  const auto again = ProducerState::decode(state.encode());
  ASSERT_TRUE(again);
  EXPECT_TRUE(is_next(*again, batch(4, 5)));
  EXPECT_EQ(std::get<ProducerState::Duplicate>(again->check(batch(4, 0, 5)).value()).base_offset,
            Offset{70});
  EXPECT_FALSE(ProducerState::decode(state.encode() + "x"));
}

}  // namespace
}  // namespace storage
