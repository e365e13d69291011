// What we answer: a row for each API. ApiVersions is computed from it.
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
  // Fails when the request cannot be decoded; else the slot is or will be filled.
  Status (*handle)(HandlerContext& context, const RequestFrame& frame,
                   std::shared_ptr<AnswerSlot> slot) = nullptr;
  // Its answer says how things are: it is begun when all before it are answered, or it would be old by the time it
  // leaves.
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
const ApiRow* find_api(int16_t key);  // null when there is none

}  // namespace server::kafka
