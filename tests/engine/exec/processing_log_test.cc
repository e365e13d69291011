#include "engine/exec/processing_log.h"

#include "engine/formats/format.h"
#include "records/batch.h"
#include "tests/engine/plan/plan_fixture.h"

namespace engine {
namespace {

class ProcessingLogTest : public PlanTest {
 protected:
  // Returns the lines as a reader of the processing log's stream sees them, with cells separated by
  // '|'.
  std::vector<std::string> lines_of(const std::string& bytes) {
    EXPECT_TRUE(create(processing_log_statement()));
    const DataSource& stream = source(kProcessingLogStream);
    EXPECT_EQ(stream.topic, kProcessingLogTopic);
    const auto batch = records::parse_batch(bytes, records::BatchCheck::ShapeAndCrc).value();
    std::string scratch;
    auto reader = records::RecordReader::open(batch, scratch).value();
    std::vector<std::optional<std::string_view>> payloads;
    for (records::RecordView record; reader.next(record);) payloads.push_back(record.value);
    std::vector<Column> columns;
    for (const ColumnDef& def : stream.schema.columns) columns.emplace_back(def.type);
    std::vector<Column*> outs;
    for (Column& column : columns) outs.push_back(&column);
    RowStatus status;
    (*make_reader(stream.value_format, stream.schema.columns, Side::Value))
        ->read(payloads, outs, status);
    EXPECT_EQ(status.errors, 0u);
    std::vector<std::string> lines;
    for (size_t row = 0; row < payloads.size(); ++row) {
      const ValueList message = columns[3].value_at(row).as_list();
      const Value& error = message[static_cast<size_t>(message[0].as_int32()) + 1];
      const size_t text_at = message[0].as_int32() == 0 ? 1 : 0;
      const Value offset = columns[7].value_at(row);
      lines.push_back(columns[0].value_at(row).as_string() + '|' +
                      error.as_list()[text_at].as_string() + '|' +
                      (offset.is_null() ? "-" : std::to_string(offset.as_int64())));
    }
    return lines;
  }
};

// Lines are sorted by topic, partition and offset of their records, whatever the order in which
// they were added.
TEST_F(ProcessingLogTest, is_read_by_the_stream_that_its_statement_declares) {
  ProcessingLogBuffer buffer;
  buffer.add({ProcessingErrorType::Deserialization, "not JSON", "orders", 3, 42});
  buffer.add({ProcessingErrorType::RecordProcessing, "division by zero", "", 0, 7});
  OutputSequences sequences;
  EXPECT_EQ(lines_of(buffer.take_batch("CTAS_X_1/0/3", 1000, {}, sequences).bytes),
            (std::vector<std::string>{"processing.CTAS_X_1/0/3|division by zero|7",
                                      "processing.CTAS_X_1/0/3|not JSON|42"}));
  EXPECT_TRUE(buffer.empty());
}

TEST_F(ProcessingLogTest, keeps_a_hundred_lines_and_counts_the_rest) {
  ProcessingLogBuffer buffer;
  for (int i = 0; i < 4096; ++i)
    buffer.add({ProcessingErrorType::Deserialization, "not JSON", "orders", 0, i});
  OutputSequences sequences;
  const std::vector<std::string> lines =
      lines_of(buffer.take_batch("Q/0/0", 1000, {}, sequences).bytes);
  ASSERT_EQ(lines.size(), ProcessingLogBuffer::kMaxLines + 1);
  EXPECT_EQ(lines.back(), "processing.Q/0/0|3996 more records of this batch failed|-");
}

}  // namespace
}  // namespace engine
