#include "server/http/proxy/proxy_pages.h"

#include "server/http/proxy/proxy_handlers.h"

namespace server::http {

void add_proxy_pages(Routes& routes, const ProxyView& view, ConsumerInstances& consumers) {
  add_topic_pages(routes, view);
  add_produce_pages(routes, view);
  add_consumer_pages(routes, view, consumers);
  add_cluster_pages(routes, view);
  add_record_stream_pages(routes, view);
}

}  // namespace server::http
