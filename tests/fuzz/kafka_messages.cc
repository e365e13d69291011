// Fuzz target: one frame. It is read as the header of a request, and by every decoder of requests.
// A message that a decoder accepts must be the same after it is written and read again.
#include <cassert>
#include <string>

#include "server/kafka/codec.h"
#include "server/kafka/messages/every_message.h"

using namespace server::kafka;

namespace {

template <class Request>
void decode(const RequestFrame& frame) {
  const auto request = decode_request<Request>(frame);
  if (!request) return;
  std::string written;
  append_request(written, frame.header, *request);
  const RequestFrame again = parse_request(std::string_view(written).substr(4)).value();
  // Fields that the version does not have may differ in memory, but not in the written bytes.
  std::string twice;
  append_request(twice, again.header, decode_request<Request>(again).value());
  assert(written == twice);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto frame = parse_request(bytes);
  if (!frame) return 0;
  for_each_request([&]<class Request>() {
    const RequestHeader& header = frame->header;
    if (header.api_key == Request::kApiKey && has_version<Request>(header.api_version))
      decode<Request>(*frame);
  });
  return 0;
}
