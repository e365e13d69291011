// Whole messages and their headers: the content of one frame of a Kafka connection.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "server/kafka/wire.h"

namespace server::kafka {

struct RequestHeader {
  int16_t api_key = 0;
  int16_t api_version = 0;
  int32_t correlation_id = 0;
  std::optional<std::string> client_id = {};
};

// The header of a frame, and the bytes after the header.
struct RequestFrame {
  RequestHeader header;
  std::string_view body;
};

// Parses the header of a request. Accepts any api key. Fails with ProtocolViolation.
Result<RequestFrame> parse_request(std::string_view frame);
void append_request_header(std::string& out, const RequestHeader& header, bool is_flexible);

template <class Message>
bool is_flexible(int16_t version) {
  return version >= Message::kFirstFlexibleVersion;
}
template <class Message>
bool has_version(int16_t version) {
  return version >= Message::kMinVersion && version <= Message::kMaxVersion;
}
template <class Response>
bool has_response_tags(int16_t version) {
  constexpr int16_t kApiVersions = 18;
  return Response::kApiKey != kApiVersions && is_flexible<Response>(version);
}

// Returns an error such as "malformed Fetch request". `part` is "request", "response" or "header".
Error malformed_message(std::string_view api_name, std::string_view part);

// --- The caller has checked has_version().

// Decodes the body of a request. Fails with ProtocolViolation if the body is truncated, has a wrong
// length or too many elements. Bytes after the last field are ignored, as in Kafka: since 2.3,
// librdkafka leaves three bytes after a Metadata request.
template <class Request>
Result<Request> decode_request(const RequestFrame& frame) {
  WireReader in(frame.body, is_flexible<Request>(frame.header.api_version));
  in.skip_tagged_fields();  // skips the tagged fields of the header
  Request request;
  request.read(in, frame.header.api_version);
  if (!in.ok()) return malformed_message(Request::kApiName, "request");
  return request;
}

// Appends size, header and body.
template <class Response>
void append_response(std::string& out, int32_t correlation_id, int16_t version,
                     const Response& response) {
  const size_t start = out.size();
  append_be<int32_t>(out, 0);
  append_be(out, correlation_id);
  if (has_response_tags<Response>(version)) WireWriter(out, true).tagged_fields({});
  WireWriter writer(out, is_flexible<Response>(version));
  response.write(writer, version);
  store_be(out.data() + start, static_cast<int32_t>(out.size() - start - sizeof(int32_t)));
}

// --- The client's side, for tools and tests: encodes requests and decodes responses.

template <class Request>
void append_request(std::string& out, RequestHeader header, const Request& request) {
  header.api_key = Request::kApiKey;
  const size_t start = out.size();
  append_be<int32_t>(out, 0);
  append_request_header(out, header, is_flexible<Request>(header.api_version));
  WireWriter writer(out, is_flexible<Request>(header.api_version));
  request.write(writer, header.api_version);
  store_be(out.data() + start, static_cast<int32_t>(out.size() - start - sizeof(int32_t)));
}

// Decodes a response. `frame` is the frame without its correlation id.
template <class Response>
Result<Response> decode_response(std::string_view frame, int16_t version) {
  WireReader in(frame, is_flexible<Response>(version));
  if (has_response_tags<Response>(version)) in.skip_tagged_fields();
  Response response;
  response.read(in, version);
  if (!in.ok() || !in.at_end()) return malformed_message(Response::kApiName, "response");
  return response;
}

}  // namespace server::kafka
