// CAST between text and points in time, and among these.
#include "engine/expr/cast_kernels.h"
#include "engine/expr/kernels.h"
#include "engine/functions/adapters.h"
#include "engine/types/plain_days.h"
#include "engine/types/postgres_texts.h"
#include "engine/types/postgres_types.h"
#include "engine/types/text_time.h"

namespace engine {

namespace {

// In PostgreSQL's words where its rules are asked for: `exact` is the text as it reads it.
template <class T>
Error bad_time(const KernelCall& call, std::string_view what, std::string_view text,
               const Result<T>& exact) {
  if (call.knows_unknown && !exact) return exact.error();
  return Error{ErrorCode::InvalidDatetime,
               "Failed to parse " + std::string(what) + " '" + std::string(text) + "'"};
}
Result<int32_t> text_date(const KernelCall& call, std::string_view text) {
  const auto days = parse_plain_days(text);
  if (!days) return bad_time(call, "date", text, parse_days(text));
  return *days;
}
Result<int32_t> text_time(const KernelCall& call, std::string_view text) {
  const auto ms = parse_time(text);
  if (!ms) return bad_time(call, "time", text, parse_time_us(text));
  return *ms;
}
Result<int64_t> text_timestamp(const KernelCall& call, std::string_view text) {
  const bool has_zone = call.out.type().label() != label::kTimestamp;
  const auto ms = parse_timestamp(has_zone ? text : without_zone(text));
  if (ms) return *ms;
  const std::string_view name = has_zone ? "timestamp with time zone" : "timestamp";
  return bad_time(call, "timestamp", text, parse_instant_us(text, Zones::Kept, name));
}
std::string date_text(int32_t days) {
  std::string text;
  append_date(text, days);
  return text;
}
std::string time_text(int32_t ms) {
  std::string text;
  append_time(text, ms);
  return text;
}
std::string timestamp_text(int64_t ms) {
  std::string text;
  append_timestamp(text, ms);
  return text;
}
int64_t date_timestamp(int32_t days) { return days * kMsPerDay; }
int32_t timestamp_date(int64_t ms) { return static_cast<int32_t>(split_timestamp(ms).days); }
int32_t timestamp_time(int64_t ms) { return static_cast<int32_t>(split_timestamp(ms).ms_of_day); }

}  // namespace

void cast_text_to_date(KernelCall& call) { row_kernel<text_date>(call); }
void cast_text_to_time(KernelCall& call) { row_kernel<text_time>(call); }
void cast_text_to_timestamp(KernelCall& call) { row_kernel<text_timestamp>(call); }
void cast_date_to_text(KernelCall& call) { row_kernel<date_text>(call); }
void cast_date_to_timestamp(KernelCall& call) { row_kernel<date_timestamp>(call); }
void cast_time_to_text(KernelCall& call) {
  if (call.knows_unknown) return output_text_kernel(call);
  row_kernel<time_text>(call);
}
void cast_timestamp_to_text(KernelCall& call) {
  if (call.knows_unknown) return output_text_kernel(call);
  row_kernel<timestamp_text>(call);
}
void cast_timestamp_to_date(KernelCall& call) { row_kernel<timestamp_date>(call); }
void cast_timestamp_to_time(KernelCall& call) { row_kernel<timestamp_time>(call); }

}  // namespace engine
