// Casts between texts and points in time, and between types of points in time.
#include "engine/expr/cast_kernels.h"
#include "engine/expr/kernels.h"
#include "engine/expr/zones.h"
#include "engine/functions/adapters.h"
#include "engine/functions/session_zone.h"
#include "engine/types/plain_days.h"
#include "engine/types/postgres_texts.h"
#include "engine/types/postgres_types.h"
#include "engine/types/text_time.h"
#include "engine/types/zoned_texts.h"

namespace engine {

namespace {

// Returns the error for a text that is not a valid time. With PostgreSQL's rules, this is the error
// in `exact`, which is the result of the parser for PostgreSQL's notation.
template <class T>
Error bad_time(const KernelCall& call, std::string_view what, std::string_view text,
               const Result<T>& exact) {
  if (call.knows_unknown && !exact) return exact.error();
  return Error{ErrorCode::InvalidDatetime,
               "Failed to parse " + std::string(what) + " '" + std::string(text) + "'"};
}
// Converts a text kept in UTC to local time, and stores it in `shown`. Returns other texts
// unchanged.
std::string_view by_clocks(const KernelCall& call, PerBatch<CallForms>& forms,
                           std::string_view text, std::string& shown) {
  if (call.args[0].type().label() != label::kExactTimestamptz) return text;
  const ZoneClock* zone = forms->of(call).zone.get();
  if (zone) shown = clock_text_of_instant(zone, text);
  return zone ? std::string_view(shown) : text;
}

// Converts a client's text, which is in the formats of the session, to ISO form.
Result<std::string_view> iso_of(const KernelCall& call, PerBatch<CallForms>& forms,
                                std::string_view text, std::string& buffer) {
  if (!call.knows_unknown) return text;
  return iso_text(text, forms->of(call).date_order, buffer);
}

Result<int32_t> text_date(const KernelCall& call, PerBatch<CallForms>& forms,
                          std::string_view written) {
  std::string shown, buffer;
  const std::string_view by_clock = by_clocks(call, forms, written, shown);
  const std::string_view text = TRY(iso_of(call, forms, by_clock, buffer));
  const auto days = parse_plain_days(text);
  if (days) return *days;
  const auto exact = parse_days(text);
  const bool is_finite = exact && *exact != kInfinityDays && *exact != kMinusInfinityDays;
  if (call.knows_unknown && is_finite) return *exact;
  return bad_time(call, "date", text, exact);
}
Result<int32_t> text_time(const KernelCall& call, PerBatch<CallForms>& forms,
                          std::string_view written) {
  std::string shown;
  const std::string_view text = by_clocks(call, forms, written, shown);
  const auto ms = parse_time(text);
  if (!ms) return bad_time(call, "time", text, parse_time_us(text));
  return *ms;
}
Result<int64_t> text_timestamp(const KernelCall& call, PerBatch<CallForms>& forms,
                               std::string_view written) {
  const bool has_zone = call.out.type().label() != label::kTimestamp;
  const ZoneClock* const zone = has_zone ? forms->of(call).zone.get() : nullptr;
  std::string shown, buffer;
  const std::string_view by_clock = has_zone ? written : by_clocks(call, forms, written, shown);
  const std::string_view text = TRY(iso_of(call, forms, by_clock, buffer));
  const auto ms = has_zone ? parse_timestamp_in(zone, text) : parse_timestamp(without_zone(text));
  if (ms) return *ms;
  const std::string_view name = has_zone ? "timestamp with time zone" : "timestamp";
  const auto exact = has_zone ? parse_instant_us_in(zone, text)
                              : parse_instant_us(without_zone(text), Zones::Dropped, name);
  // parse_timestamp() reads only years of four digits. In PostgreSQL, years may have more digits,
  // or be before the year 1.
  const bool is_finite = exact && !is_infinite_instant(*exact);
  if (call.knows_unknown && is_finite) return ms_of_us(*exact);
  return bad_time(call, "timestamp", text, exact);
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
int64_t date_timestamp(const KernelCall& call, PerBatch<CallZone>& zones, int32_t days) {
  const int64_t midnight = days * kMsPerDay;
  return is_clock(call.out.type()) ? midnight : instant_of_clock(zones->of(call), midnight);
}
int64_t clock_of(const KernelCall& call, PerBatch<CallZone>& zones, int64_t ms) {
  return is_clock(call.args[0].type()) ? ms : clock_of_instant(zones->of(call), ms);
}
int32_t timestamp_date(const KernelCall& call, PerBatch<CallZone>& zones, int64_t ms) {
  return static_cast<int32_t>(split_timestamp(clock_of(call, zones, ms)).days);
}
int32_t timestamp_time(const KernelCall& call, PerBatch<CallZone>& zones, int64_t ms) {
  return static_cast<int32_t>(split_timestamp(clock_of(call, zones, ms)).ms_of_day);
}

}  // namespace

void cast_text_to_date(KernelCall& call) { row_kernel<text_date>(call); }
void cast_text_to_time(KernelCall& call) { row_kernel<text_time>(call); }
void cast_text_to_timestamp(KernelCall& call) { row_kernel<text_timestamp>(call); }
void cast_date_to_text(KernelCall& call) {
  if (call.knows_unknown) return output_text_kernel(call);
  row_kernel<date_text>(call);
}
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
