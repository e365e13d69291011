#include "server/kafka/codec.h"

#include <fmt/format.h>

namespace server::kafka {

Error malformed_message(std::string_view api_name, std::string_view part) {
  return {ErrorCode::ProtocolViolation, fmt::format("malformed {} {}", api_name, part)};
}

Result<RequestFrame> parse_request(std::string_view frame) {
  // The client id has the old (not flexible) encoding in every version of the header (KIP-482).
  WireReader in(frame, false);
  RequestFrame request;
  request.header.api_key = in.number<int16_t>();
  request.header.api_version = in.number<int16_t>();
  request.header.correlation_id = in.number<int32_t>();
  request.header.client_id = in.nullable_string(true);
  if (!in.ok()) return malformed_message("request", "header");
  request.body = in.rest();
  return request;
}

void append_request_header(std::string& out, const RequestHeader& header, bool is_flexible) {
  WireWriter writer(out, false);
  writer.number(header.api_key);
  writer.number(header.api_version);
  writer.number(header.correlation_id);
  writer.nullable_string(header.client_id, true);
  if (is_flexible) WireWriter(out, true).tagged_fields({});
}

}  // namespace server::kafka
