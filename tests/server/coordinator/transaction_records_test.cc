// Tests the records of __transaction_state, with bytes in the layout that Kafka defines.
#include "server/coordinator/transaction_records.h"

#include <gtest/gtest.h>

namespace server::coordinator {
namespace {

using namespace std::string_literals;

TEST(TransactionRecordsTest, AreReadAsTheyWereWritten) {
  TransactionValue value{.producer_id = ProducerId{1000},
                         .previous_producer_id = ProducerId{999},
                         .next_producer_id = ProducerId{1001},
                         .epoch = 7,
                         .timeout_ms = 60'000,
                         .state = TransactionState::PrepareAbort,
                         .partitions = {{"a", {0, 5}}, {"b", {1}}},
                         .last_update_ms = 1'700'000'000'000,
                         .start_ms = 1'600'000'000'000,
                         .client_version = 2};
  EXPECT_EQ(decode_transaction_value(encode(value)).value(), value);
  EXPECT_EQ(decode_transaction_key(encode_transaction_key("id")).value(), "id");
}

TEST(TransactionRecordsTest, HaveKafkasLayout) {
  EXPECT_EQ(encode_transaction_key("id"), "\0\0\0\2id"s);
  const TransactionValue value{.producer_id = ProducerId{1},
                               .epoch = 2,
                               .timeout_ms = 3,
                               .state = TransactionState::Ongoing,
                               .partitions = {{"t", {4}}},
                               .last_update_ms = 5,
                               .start_ms = 6};
  EXPECT_EQ(encode(value),
            "\0\1"  // the version
            "\0\0\0\0\0\0\0\1\0\2\0\0\0\3\1"
            "\2\2t\2\0\0\0\4\0"  // one topic, its name, one partition, no tags
            "\0\0\0\0\0\0\0\5\0\0\0\0\0\0\0\6\0"s);
  TransactionValue second = value;
  second.client_version = 2;
  EXPECT_EQ(encode(second).substr(encode(value).size() - 1), "\1\2\2\0\2"s);
  // The value has version 0, as older brokers write it.
  const auto old = decode_transaction_value(
      "\0\0"
      "\0\0\0\0\0\0\0\1\0\2\0\0\0\3\1"
      "\0\0\0\1\0\1t\0\0\0\1\0\0\0\4"
      "\0\0\0\0\0\0\0\5\0\0\0\0\0\0\0\6"s);
  EXPECT_EQ(old.value(), value);
}

TEST(TransactionRecordsTest, OthersAreRefused) {
  EXPECT_EQ(decode_transaction_value("\0\2"s).error().code, ErrorCode::IncompatibleFormat);
  EXPECT_EQ(decode_transaction_key("\0\1\0\0"s).error().code, ErrorCode::IncompatibleFormat);
  const std::string whole = encode(TransactionValue{});
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(decode_transaction_value(whole.substr(0, size))) << size;
}

}  // namespace
}  // namespace server::coordinator
