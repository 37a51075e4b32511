/*
 * fields: the one form that lines of all structured formats are brought into
 * before they are scanned (LINE_FIELDS), so that patterns and the scan see the
 * values themselves and not the escapes of JSON or CEF.
 *
 *   OFFSET[:NUMBER] US NAME=VALUE US NAME=VALUE ... US @message=TEXT
 *
 * US is the byte 0x1f.  OFFSET, in decimal, is where in the stream the record
 * begins, and NUMBER which of its lines, where that is known.  A name that begins with '@' is a part of the header: @time (ms since
 * the epoch), @host, @program, @pid, @facility and @severity (numbers),
 * @peer_ip, @peer_name; each at most once, before the fields.  The others are
 * fields as the format names them, nested ones with dots; printable ASCII
 * without '='.  @message is always there and comes last.  In values a newline,
 * NUL and US are replaced by a blank.
 *
 * No data makes a header part by itself: a name of the data that begins with '@',
 * is empty, or is "peer.transport" (which only we give) has a '_' put before it;
 * other bytes of it that may not stand become '_', and a longer one is cut.  A
 * name may come more than once; the first counts.
 */
#ifndef MODEL_FIELDS_H
#define MODEL_FIELDS_H

#define FIELDS_SEPARATOR '\x1f'
#define FIELDS_MAX 128      /* fields of a record; what is more is left out */
#define FIELDS_NAME_MAX 128 /* bytes */

#endif
