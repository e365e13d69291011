// Extends libFuzzer's mutations for kafka_session, so that sizes of frames, and lengths and
// checksums of record batches, remain correct.
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "records/batch.h"
#include "records/crc32c.h"
#include "server/kafka/codec.h"
#include "server/kafka/frame_reader.h"
#include "server/kafka/messages/produce_request.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

using namespace server::kafka;

namespace {

constexpr size_t kMaxGrowth = 64;
constexpr size_t kFrameSizeSize = sizeof(int32_t);
constexpr unsigned kVersions = 18;  // all versions of any request, and one that no request has

std::string mutated(std::string_view bytes) {
  std::string out(bytes);
  out.resize(bytes.size() + kMaxGrowth);
  out.resize(LLVMFuzzerMutate(reinterpret_cast<uint8_t*>(out.data()), bytes.size(), out.size()));
  return out;
}

std::vector<std::string> frames_of(std::string_view bytes) {
  FrameReader reader;
  reader.receive(bytes);
  std::vector<std::string> frames;
  for (auto frame = reader.next(); frame && *frame; frame = reader.next())
    frames.emplace_back(**frame);
  return frames;
}

std::string mutated_batch(std::string_view bytes) {
  std::string batch = mutated(bytes);
  if (batch.size() < records::kBatchHeaderSize) return batch;
  store_be(batch.data() + 8, static_cast<int32_t>(batch.size() - records::kBatchPrefixSize));
  store_be(batch.data() + 17, records::crc32c(std::string_view(batch).substr(21)));
  return batch;
}

// Returns the request with mutated records; the unchanged frame if it is not a Produce request.
std::string with_mutated_records(const std::string& frame, std::mt19937& random) {
  const auto request = parse_request(frame);
  if (!request || request->header.api_key != ProduceRequest::kApiKey ||
      !has_version<ProduceRequest>(request->header.api_version))
    return frame;
  auto produce = decode_request<ProduceRequest>(*request);
  if (!produce || produce->topic_data.empty()) return frame;
  auto& topic = produce->topic_data[random() % produce->topic_data.size()];
  if (topic.partition_data.empty()) return frame;
  auto& partition = topic.partition_data[random() % topic.partition_data.size()];
  const std::string batch = mutated_batch(partition.records ? partition.records->whole() : "");
  partition.records = batch;
  std::string out;
  append_request(out, request->header, *produce);
  return out.substr(kFrameSizeSize);
}

void mutate(std::vector<std::string>& frames, std::mt19937& random) {
  const size_t at = random() % frames.size();
  std::string& frame = frames[at];
  switch (random() % 9) {
    case 0:
      frames.insert(frames.begin() + static_cast<std::ptrdiff_t>(random() % frames.size()),
                    std::string(frame));
      return;
    case 1:
      std::swap(frame, frames[random() % frames.size()]);
      return;
    case 2:
    case 3:
    case 4:
      for (std::string& each : frames) each = with_mutated_records(each, random);
      return;
    case 5:  // changes the version of the request
      if (frame.size() >= 2 * sizeof(int16_t))
        store_be(frame.data() + sizeof(int16_t), static_cast<int16_t>(random() % kVersions));
      return;
    default:
      frame = mutated(frame);
  }
}

}  // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::string> frames = frames_of({reinterpret_cast<const char*>(data), size});
  if (frames.empty() || random() % 8 == 0) return LLVMFuzzerMutate(data, size, max_size);
  mutate(frames, random);
  std::string out;
  for (const std::string& frame : frames) {
    append_be(out, static_cast<int32_t>(frame.size()));
    out += frame;
  }
  if (out.size() > max_size) out.resize(max_size);
  std::memcpy(data, out.data(), out.size());
  return out.size();
}
