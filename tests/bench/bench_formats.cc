// Measures how fast records are converted to columns and columns to records, next to the speed of
// simdjson alone in the same run.
//
//   bench_formats flights.jsonl|- [seconds per figure] (-: records are made up)
//
// prints one line of JSON with figures in million records per second on one core.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>

#include "engine/formats/format.h"
#include "tests/bench/bare_json.h"

namespace {

using namespace engine;

const std::vector<ColumnDef> kFlights = {{"DATE", TypeKind::String},
                                         {"DELAY", TypeKind::Integer},
                                         {"DISTANCE", TypeKind::Integer},
                                         {"ORIGIN", TypeKind::String},
                                         {"DESTINATION", TypeKind::String}};
constexpr size_t kBatchRows = 2048;

struct Records {
  std::string buffer;
  std::vector<std::string_view> lines;
};

std::string made_up_flights(size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i)
    text += "{\"date\":\"2001/01/" + std::to_string(10 + i % 20) +
            " 10:" + std::to_string(10 + i % 50) +
            "\",\"delay\":" + std::to_string(static_cast<int>(i % 97) - 20) +
            ",\"distance\":" + std::to_string(100 + i % 2900) +
            ",\"origin\":\"ORD\",\"destination\":\"DFW\"}\n";
  return text;
}

bool load(std::string_view path, Records& records) {
  constexpr size_t kPadding = 64, kMadeUp = 20'000;  // simdjson reads past the last record
  if (path == "-") {
    records.buffer = made_up_flights(kMadeUp);
  } else {
    std::ifstream file{std::string(path), std::ios::binary};
    records.buffer.assign(std::istreambuf_iterator<char>(file), {});
  }
  const size_t size = records.buffer.size();
  records.buffer.append(kPadding, ' ');
  for (size_t at = 0; at < size;) {
    const size_t end = std::min(records.buffer.find('\n', at), size);
    if (end > at) records.lines.push_back(std::string_view(records.buffer).substr(at, end - at));
    at = end + 1;
  }
  return !records.lines.empty();
}

// Returns millions of records per second in the fastest of the rounds that fit into the time.
template <class Round>
double measure(size_t records, double seconds, Round round) {
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  double best = 0;
  do {
    const auto start = Clock::now();
    round();
    const std::chrono::duration<double> took = Clock::now() - start;
    best = std::max(best, static_cast<double>(records) / took.count() / 1e6);
  } while (std::chrono::duration<double>(Clock::now() - begin).count() < seconds);
  return best;
}

class FormatRound {
 public:
  explicit FormatRound(const Records& records, const char* format = "JSON")
      : reader_(std::move(make_reader({.name = "JSON"}, kFlights, Side::Value)).take()),
        writer_(std::move(make_writer({.name = format}, kFlights, Side::Value)).take()) {
    for (const std::string_view line : records.lines) payloads_.emplace_back(line);
    if (std::string_view(format) == "JSON") return;
    // Encodes the rows in the other format; the benchmark then reads the encoded rows.
    std::vector<size_t> ends;
    for (size_t at = 0; at < payloads_.size(); at += kBatchRows) {
      const Columns columns = read_batch(at);
      write_batch(columns);
      for (const size_t end : out_.ends) ends.push_back(encoded_.size() + end);
      encoded_ += out_.bytes;
    }
    for (size_t row = 0, begin = 0; row < ends.size(); begin = ends[row++])
      payloads_[row] = std::string_view(encoded_).substr(begin, ends[row] - begin);
    reader_ = std::move(make_reader({.name = format}, kFlights, Side::Value)).take();
  }

  void read() {
    for (size_t at = 0; at < payloads_.size(); at += kBatchRows) read_batch(at);
  }
  void read_and_write() {
    for (size_t at = 0; at < payloads_.size(); at += kBatchRows) {
      const Columns columns = read_batch(at);
      write_batch(columns);
    }
  }
  void prepare_write() { kept_ = read_batch(0); }
  void write() {
    for (size_t at = 0; at + kBatchRows <= payloads_.size(); at += kBatchRows) write_batch(kept_);
  }
  size_t written_rows() const { return payloads_.size() / kBatchRows * kBatchRows; }

 private:
  using Columns = std::vector<std::unique_ptr<Column>>;

  Columns read_batch(size_t at) {
    Columns columns;
    std::vector<Column*> outs;
    for (const ColumnDef& column : kFlights) {
      columns.push_back(std::make_unique<Column>(column.type));
      outs.push_back(columns.back().get());
    }
    const size_t rows = std::min(kBatchRows, payloads_.size() - at);
    reader_->read(std::span(payloads_).subspan(at, rows), outs, status_);
    if (status_.errors != 0) std::abort();
    return columns;
  }

  void write_batch(const Columns& columns) {
    std::vector<const Column*> in;
    for (const auto& column : columns) in.push_back(column.get());
    out_.clear();
    writer_->write(in, {0, columns[0]->size()}, nullptr, out_);
  }

  std::vector<std::optional<std::string_view>> payloads_;
  std::string encoded_;  // the payloads, if this object has encoded them itself
  std::unique_ptr<Reader> reader_;
  std::unique_ptr<Writer> writer_;
  RowStatus status_;
  EncodedRows out_;
  Columns kept_;
};

}  // namespace

int main(int argc, char** argv) {
  Records records;
  if (argc < 2 || !load(argv[1], records)) {
    std::fprintf(stderr, "usage: bench_formats flights.jsonl|- [seconds per figure]\n");
    return 1;
  }
  const double seconds = argc > 2 ? std::atof(argv[2]) : 1.0;
  const size_t count = records.lines.size();
  bench::BareColumns bare;
  bare.date.resize(count), bare.origin.resize(count), bare.destination.resize(count);
  bare.delay.resize(count), bare.distance.resize(count);
  std::string text;
  FormatRound round(records);
  round.prepare_write();
  if (bench::bare_parse(records.lines, bare) != count) {
    std::fprintf(stderr, "bench_formats: the bare parser does not read these records\n");
    return 1;
  }
  const double bare_read = measure(count, seconds, [&] { bench::bare_parse(records.lines, bare); });
  const double bare_both = measure(count, seconds, [&] {
    text.clear();
    bench::bare_parse_and_print(records.lines, text);
  });
  const double read = measure(count, seconds, [&] { round.read(); });
  const double write = measure(round.written_rows(), seconds, [&] { round.write(); });
  const double both = measure(count, seconds, [&] { round.read_and_write(); });
  FormatRound avro(records, "AVRO"), protobuf(records, "PROTOBUF");
  avro.prepare_write();
  protobuf.prepare_write();
  const double avro_read = measure(count, seconds, [&] { avro.read(); });
  const double avro_write = measure(round.written_rows(), seconds, [&] { avro.write(); });
  const double protobuf_read = measure(count, seconds, [&] { protobuf.read(); });
  const double protobuf_write = measure(round.written_rows(), seconds, [&] { protobuf.write(); });
  std::printf(
      "{\"bench\":\"formats\",\"unit\":\"million records/s\",\"records\":%zu,"
      "\"bare_parse\":%.2f,\"bare_parse_and_print\":%.2f,\"read\":%.2f,\"write\":%.2f,"
      "\"read_and_write\":%.2f,\"avro_read\":%.2f,\"avro_write\":%.2f,\"protobuf_read\":%.2f,"
      "\"protobuf_write\":%.2f}\n",
      count, bare_read, bare_both, read, write, both, avro_read, avro_write, protobuf_read,
      protobuf_write);
}
