// The table of the requests that this server answers, with one row for each API. The answer to
// ApiVersions is computed from the table.
#pragma once
#include <cstdint>
#include <memory>
#include <span>

#include "base/result.h"
#include "server/kafka/handler.h"

namespace server::kafka {

struct ApiRow {
  int16_t key = 0;
  int16_t min_version = 0, max_version = 0;
  int16_t reported_min_version = 0;
  // Handles a request, and writes the answer into `slot`, within the call or later. Fails if the
  // request cannot be decoded.
  Status (*handle)(HandlerContext& context, const RequestFrame& frame,
                   std::shared_ptr<AnswerSlot> slot) = nullptr;
  // True if the answer describes the current state, as the answer to Metadata does. Such a request
  // begins only after all earlier requests of the connection are answered. Otherwise its answer
  // could be outdated when it is sent.
  bool tells_present = false;

  constexpr ApiRow reported_from(int16_t version) const {
    ApiRow row = *this;
    row.reported_min_version = version;
    return row;
  }
  constexpr ApiRow in_its_turn() const {
    ApiRow row = *this;
    row.tells_present = true;
    return row;
  }
};

std::span<const ApiRow> apis();
const ApiRow* find_api(int16_t key);  // returns null if no API has the key

}  // namespace server::kafka
