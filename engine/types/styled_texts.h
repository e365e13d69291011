// Prints dates, points in time and intervals in the styles of DateStyle and IntervalStyle.
#pragma once
#include <string>
#include <string_view>

#include "engine/types/postgres_texts.h"
#include "engine/types/text_forms.h"

namespace engine {

// Converts a text in ISO form: 2024-07-01, 2024-07-01 10:00:00.5, 0044-03-15 00:00:00+00 BC, infinity. If the text has
// a zone, styles other than ISO show `zone_name` (CEST) instead of the offset.
std::string in_date_style(const TextForms& forms, std::string_view iso,
                          std::string_view zone_name = {});
std::string in_interval_style(IntervalStyle style, const Interval& interval);

}  // namespace engine
