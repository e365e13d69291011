// Tests that no bytes make a decoder crash, read outside the message, or use much memory.
#include <random>

#include "server/kafka/codec.h"
#include "server/kafka/messages/every_message.h"

using namespace server::kafka;

namespace {

// Decodes the body. Only a crash is an error; the result does not matter.
template <class Request>
void decode_any(int16_t version, std::string_view body) {
  (void)decode_request<Request>({{Request::kApiKey, version, 0, {}}, body});
}

FetchRequest typical_fetch() {
  FetchRequest request;
  request.topics = {{.topic = "orders", .partitions = {{.partition = 0}, {.partition = 1}}}};
  request.forgotten_topics_data = {{.topic = "gone", .partitions = {1, 2, 3}}};
  request.cluster_id = "cluster";
  return request;
}

}  // namespace

TEST(HostileMessages, a_request_that_is_cut_anywhere_is_refused) {
  for (int16_t version = FetchRequest::kMinVersion; version <= FetchRequest::kMaxVersion;
       ++version) {
    std::string sent;
    append_request(sent, {.api_version = version}, typical_fetch());
    const RequestFrame whole = parse_request(std::string_view(sent).substr(4)).value();
    ASSERT_TRUE(decode_request<FetchRequest>(whole));
    for (size_t size = 0; size < whole.body.size(); ++size)
      EXPECT_FALSE(decode_request<FetchRequest>({whole.header, whole.body.substr(0, size)}))
          << "version " << version << " cut to " << size;
  }
}

TEST(HostileMessages, a_changed_byte_does_no_harm) {
  for (const int16_t version : {int16_t{11}, int16_t{12}, int16_t{15}}) {
    std::string sent;
    append_request(sent, {.api_version = version}, typical_fetch());
    const RequestFrame whole = parse_request(std::string_view(sent).substr(4)).value();
    std::string body(whole.body);
    for (size_t at = 0; at < body.size(); ++at)
      for (const char value : {'\0', '\1', '\x7f', '\x80', '\xff'}) {
        const char kept = std::exchange(body[at], value);
        decode_any<FetchRequest>(version, body);
        body[at] = kept;
      }
  }
}

TEST(HostileMessages, random_bytes_do_no_harm_to_any_request) {
  std::mt19937 random(20'240'917);
  std::string body;
  for (int round = 0; round < 200; ++round) {
    body.resize(random() % 120);
    // Small numbers are more likely to be accepted as lengths.
    for (char& byte : body) byte = static_cast<char>(random() % 3 == 0 ? random() : random() % 4);
    for_each_request([&]<class Request>() {
      for (int16_t version = Request::kMinVersion; version <= Request::kMaxVersion; ++version)
        decode_any<Request>(version, body);
    });
  }
}
