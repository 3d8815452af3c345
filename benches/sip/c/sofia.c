/* What sofia-sip does with one datagram: it reads every known header into its structure at once. */

#include <stddef.h>
#include <sofia-sip/msg.h>
#include <sofia-sip/msg_addr.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_parser.h>

/* How many of the values that are asked for are there; -1 if the message cannot be read. */
int sofia_typed(const char *data, size_t len)
{
    msg_t *msg = msg_make(sip_default_mclass(), 0, data, (ssize_t)len);
    sip_t *sip = msg ? sip_object(msg) : NULL;
    int found = -1;

    if (sip && sip->sip_request && sip->sip_request->rq_url->url_host && sip->sip_from && sip->sip_to
        && sip->sip_cseq && sip->sip_call_id && sip->sip_from->a_tag) {
        found = !!sip->sip_max_forwards + !!sip->sip_content_length + !!sip->sip_authorization;
        for (sip_via_t *v = sip->sip_via; v; v = v->v_next)
            found += v->v_branch != NULL;
        for (sip_contact_t *m = sip->sip_contact; m; m = m->m_next)
            found += m->m_url->url_host != NULL;
        for (sip_record_route_t *r = sip->sip_record_route; r; r = r->r_next)
            found += r->r_url->url_host != NULL;
    }
    if (msg)
        msg_destroy(msg);
    return found;
}
