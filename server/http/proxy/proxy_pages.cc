#include "server/http/proxy/proxy_pages.h"

#include <utility>

#include "server/http/proxy/proxy_handlers.h"

namespace server::http {

void add_proxy_pages(Routes& routes, const ProxyView& view, ConsumerInstances& consumers) {
  Routes pages;
  add_topic_pages(pages, view);
  add_produce_pages(pages, view);
  add_consumer_pages(pages, view, consumers);
  add_cluster_pages(pages, view);
  add_offset_pages(pages, view);
  add_delete_records_pages(pages, view);
  add_record_stream_pages(pages, view);
  routes.add_for_all_rights(std::move(pages));
}

}  // namespace server::http
