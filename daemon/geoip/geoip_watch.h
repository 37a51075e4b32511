/*
 * geoip_watch: reads the files of a geoip anew when they change, in a thread.
 */
#ifndef GEOIP_GEOIP_WATCH_H
#define GEOIP_GEOIP_WATCH_H

struct ev;
struct geoip;
struct geoip_watch;

/* ${g} is borrowed. */
struct geoip_watch *geoip_watch_new(struct ev *ev, struct geoip *g);
void geoip_watch_free(struct geoip_watch **w);

#endif
