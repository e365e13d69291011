// The mark of topics that only the server writes.
#pragma once
#include <string_view>

// A topic of a materialized view has this entry among its settings. No client can set it, and none can write to such a
// topic: the view's rows would no longer be those of its SELECT.
inline constexpr std::string_view kViewTopicSetting = "millrace.view";
